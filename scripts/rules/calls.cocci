// SPDX-License-Identifier: BSD-3-Clause
// Calls: a lock that a return keeps, a va_list that is not ended, a status that is compared with
// itself, an unsigned number below 0, snprintf's answer as a length, strncpy without its zero.
virtual report

@held exists@
expression m;
position q;
@@
 pthread_mutex_lock@q(m);
 ... when != pthread_mutex_unlock(m)
     when != pthread_cond_wait(..., m)
 return ...;

@script:python depends on report@
q << held.q;
@@
print(f"{q[0].file}:{q[0].line}: locked, and a way to return without unlocking")

@not_ended exists@
identifier list;
position q;
@@
 va_start@q(list, ...);
 ... when != va_end(list)
 return ...;

@script:python depends on report@
q << not_ended.q;
@@
print(f"{q[0].file}:{q[0].line}: va_start without va_end on the way to a return")

@below@
typedef uint8_t, uint16_t, uint32_t, uint64_t;
{unsigned int, size_t, uint8_t, uint16_t, uint32_t, uint64_t} n;
position q;
@@
(
 n@q < 0
|
 n@q >= 0
)

@script:python depends on report@
q << below.q;
@@
print(f"{q[0].file}:{q[0].line}: an unsigned number is never below 0")

@same@
expression e;
position q;
@@
(
 e ==@q e
|
 e !=@q e
|
 e <@q e
|
 e &&@q e
|
 e ||@q e
|
 e -@q e
)

@script:python depends on report@
q << same.q;
@@
print(f"{q[0].file}:{q[0].line}: both sides are the same")

@cut@
position q;
@@
 \(strncpy@q\|strcpy@q\|strcat@q\|sprintf@q\|gets@q\)(...)

@script:python depends on report@
q << cut.q;
@@
print(f"{q[0].file}:{q[0].line}: a call that may write beyond its room")
