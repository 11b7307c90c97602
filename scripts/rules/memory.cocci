// SPDX-License-Identifier: BSD-3-Clause
// Memory: realloc that loses its block, a size of the pointer in place of what it points at, a result
// that nobody looks at before it is used, freed twice or used after free.
virtual report

@lost@
expression p, n;
position q;
@@
 p = realloc@q(p, n)

@script:python depends on report@
q << lost.q;
@@
print(f"{q[0].file}:{q[0].line}: realloc over the only pointer: the block is lost where it fails")

@pointer_size@
type T;
T *p;
expression n;
position q;
@@
(
 p = malloc@q(sizeof(T *))
|
 p = malloc@q(n * sizeof(T *))
|
 p = calloc@q(n, sizeof(T *))
|
 p = malloc@q(n * sizeof(p))
|
 p = calloc@q(n, sizeof(p))
)

@script:python depends on report@
q << pointer_size.q;
@@
print(f"{q[0].file}:{q[0].line}: the size of a pointer, not of what it points at")

@unseen exists@
expression *p;
identifier member;
expression i;
position q;
@@
(
 p = malloc@q(...)
|
 p = calloc@q(...)
)
 ... when != p == NULL
     when != p != NULL
     when != \(free\|aei_arena_free\)(p)
     when != p = ...
(
 p->member
|
 *p
|
 p[i]
)

@script:python depends on report@
q << unseen.q;
@@
print(f"{q[0].file}:{q[0].line}: memory that is used before anybody asks whether it is there")

@in_sizeof@
expression p;
identifier member;
position u;
@@
 sizeof(<+... p->member@u ...+>)

@counted@
expression n;
position c;
@@
 free@c(<+... \(--n\|n--\|++n\|n++\) ...+>)

@after exists@
expression p;
identifier member;
expression i;
position q != counted.c;
position u != in_sizeof.u;
@@
 free@q(p);
 ... when != p = ...
     when != &p
(
 p->member@u
|
 p[i]
|
 free(p)
)

@script:python depends on report@
q << after.q;
@@
print(f"{q[0].file}:{q[0].line}: used or freed again after free")
