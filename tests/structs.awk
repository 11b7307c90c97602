# SPDX-License-Identifier: BSD-3-Clause
# The structs of the public headers, for test_structs.c: one MEMBER(struct, member) for each member
# in order, then OPTIONS(struct, macro, values) for a struct of options, with a value known only at
# run time for every member that its macro may be given.

{
    line = $0
    while (line != "") { # without comments
        if (comment) {
            end = index(line, "*/")
            line = end ? substr(line, end + 2) : ""
            comment = !end
        } else {
            start = index(line, "/*")
            text = text (start ? substr(line, 1, start - 1) : line)
            line = start ? substr(line, start + 2) : ""
            comment = start > 0
        }
    }
    text = text " "
}

function each_member(type, body,    n, i, j, m, declarations, names, name, array, values) {
    n = split(body, declarations, ";")
    for (i = 1; i < n; i++) {
        if (match(declarations[i], /\( *\*[a-z0-9_]+ *\)/)) # a pointer to a function
            declarations[i] = substr(declarations[i], RSTART, RLENGTH)
        m = split(declarations[i], names, ",")
        for (j = 1; j <= m; j++) {
            name = names[j]
            array = sub(/\[.*/, "", name)
            gsub(/[ )]+$/, "", name)
            sub(/.*[^a-z0-9_]/, "", name)
            print "MEMBER(" type ", " name ")"
            if (name != "size" && name != "reserved" && !array)
                values = values (values ? ", ." : ".") name " = AT_RUN_TIME(" type ", " name ")"
        }
    }
    if (type ~ /_options$/)
        print "OPTIONS(" type ", " toupper(type) ", " values ")"
}

END {
    while (match(text, /typedef struct [a-z0-9_]+ *\{[^}]*\}/)) {
        found = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        split(found, words, /[ {]+/)
        each_member(words[3], substr(found, index(found, "{") + 1))
    }
}
