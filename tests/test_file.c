/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE /* unshare */
#include "base/file.h"

#include "base/error.h"
#include "base/input.h"
#include "base/folder.h"
#include "suites.h"
#include "support.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BIG = 300000 };

static ae_status replace(const char *path, const char *text)
{
    aei_file *file;
    AE_TRY(aei_file_create(&file, path));
    (void)aei_file_write(file, text, strlen(text));
    return aei_file_commit(file);
}

static bool error_starts_with(const char *text)
{
    return strncmp(ae_last_error(), text, strlen(text)) == 0;
}

static mode_t mode_of(const char *path)
{
    struct stat about;
    ck_assert_int_eq(stat(path, &about), 0);
    return about.st_mode & 07777;
}

START_TEST(files_of_every_length_come_back_as_written)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, BIG};
    unsigned char *bytes = malloc(BIG);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < BIG; i++)
        bytes[i] = (unsigned char)(i * 31 + i / 251);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t piece = support_slow() ? 63 : 1; piece <= BIG; piece *= 63) {
            aei_file *file;
            ck_assert_int_eq(aei_file_create(&file, "data"), AE_OK);
            for (size_t at = 0; at < sizes[i]; at += piece) {
                size_t rest = sizes[i] - at;
                ck_assert_int_eq(aei_file_write(file, bytes + at, rest < piece ? rest : piece),
                                 AE_OK);
            }
            ck_assert_int_eq(aei_file_commit(file), AE_OK);
            void *data;
            size_t size;
            ck_assert_int_eq(aei_file_read(&data, &size, "data", sizes[i]), AE_OK);
            ck_assert_uint_eq(size, sizes[i]);
            ck_assert(memcmp(data, bytes, size) == 0);
            free(data);
        }
    }
    ck_assert_uint_eq(support_entries("."), 1);
    free(bytes);
}
END_TEST

START_TEST(nothing_is_seen_before_commit_and_discard_leaves_no_trace)
{
    support_put("old", "old text");
    aei_file *file, *fresh;
    ck_assert_int_eq(aei_file_create(&file, "old"), AE_OK);
    ck_assert_int_eq(aei_file_create(&fresh, "fresh"), AE_OK);
    ck_assert_int_eq(aei_file_write(file, "new text", 8), AE_OK);
    ck_assert(support_holds("old", "old text"));
    ck_assert_int_ne(access("fresh", F_OK), 0);
    aei_file_discard(file);
    aei_file_discard(fresh);
    aei_file_discard(NULL);
    ck_assert(support_holds("old", "old text"));
    ck_assert_uint_eq(support_entries("."), 1);
    ck_assert_int_eq(replace("old", "new text"), AE_OK);
    ck_assert(support_holds("old", "new text"));
    ck_assert_uint_eq(support_entries("."), 1);
}
END_TEST

START_TEST(two_writers_of_one_path_do_not_mix)
{
    aei_file *first, *second;
    ck_assert_int_eq(aei_file_create(&first, "same"), AE_OK);
    ck_assert_int_eq(aei_file_create(&second, "same"), AE_OK);
    ck_assert_int_eq(aei_file_print(first, "%s", "first"), AE_OK);
    ck_assert_int_eq(aei_file_print(second, "%s", "second"), AE_OK);
    ck_assert_int_eq(aei_file_commit(second), AE_OK);
    ck_assert_int_eq(aei_file_commit(first), AE_OK);
    ck_assert(support_holds("same", "first"));
    ck_assert_uint_eq(support_entries("."), 1);
}
END_TEST

START_TEST(the_target_is_fixed_when_the_file_is_created)
{
    aei_file *file;
    ck_assert_int_eq(mkdir("elsewhere", 0700), 0);
    ck_assert_int_eq(aei_file_create(&file, "here"), AE_OK);
    ck_assert_int_eq(chdir("elsewhere"), 0);
    ck_assert_int_eq(aei_file_commit(file), AE_OK);
    ck_assert_uint_eq(support_entries("."), 0);
    ck_assert_int_eq(chdir(".."), 0);
    ck_assert(support_holds("here", ""));
}
END_TEST

START_TEST(modes_follow_the_umask_or_the_old_file)
{
    mode_t before = umask(027);
    ck_assert_int_eq(replace("fresh", "a"), AE_OK);
    ck_assert_uint_eq(mode_of("fresh"), 0640);
    support_put("kept", "a");
    ck_assert_int_eq(chmod("kept", 0606), 0);
    ck_assert_int_eq(replace("kept", "b"), AE_OK);
    ck_assert_uint_eq(mode_of("kept"), 0606);
    ck_assert_uint_eq(umask(before), 027);
}
END_TEST

START_TEST(symbolic_links_are_followed_even_when_nothing_is_there_yet)
{
    struct stat about;
    ck_assert_int_eq(mkdir("store", 0700), 0);
    support_put("store/model", "old");
    ck_assert_int_eq(symlink("store/hop", "link"), 0);
    ck_assert_int_eq(symlink("model", "store/hop"), 0);
    ck_assert_int_eq(replace("link", "new"), AE_OK);
    ck_assert(lstat("link", &about) == 0 && S_ISLNK(about.st_mode));
    ck_assert(lstat("store/hop", &about) == 0 && S_ISLNK(about.st_mode));
    ck_assert(support_holds("store/model", "new"));
    ck_assert_int_eq(symlink("store/later", "dangling"), 0);
    ck_assert_int_eq(replace("dangling", "born"), AE_OK);
    ck_assert(support_holds("store/later", "born"));
    ck_assert_int_eq(symlink(support_path("store/far"), "absolute"), 0);
    ck_assert_int_eq(replace("absolute", "far"), AE_OK);
    ck_assert(support_holds("store/far", "far"));
    ck_assert_int_eq(symlink("circle", "circle"), 0);
    ck_assert_int_eq(replace("circle", "x"), AE_ERROR_IO);
    ck_assert(error_starts_with("circle: "));
    ck_assert_uint_eq(support_entries("store"), 4);
}
END_TEST

/* The folder that is named is the one that is wrong. */
START_TEST(a_cause_is_told_of_what_it_lies_in)
{
    enum { LONG = 5000 };
    char *path = malloc(LONG);
    ck_assert_ptr_nonnull(path);
    memset(path, '/', LONG);
    path[LONG - 1] = '\0';
    ck_assert_int_eq(replace(path, "x"), AE_ERROR_IO);
    ck_assert_ptr_nonnull(strstr(ae_last_error(), "the path of 4999 bytes is too long"));
    free(path);
    ck_assert_int_eq(symlink("gone/model", "link"), 0);
    ck_assert_int_eq(replace("link", "x"), AE_ERROR_NOT_FOUND);
    ck_assert(error_starts_with("link: gone: the folder that the symbolic link leads to"));
    ck_assert_int_eq(symlink("circle", "circle"), 0);
    ck_assert_int_eq(replace("circle", "x"), AE_ERROR_IO);
    ck_assert(error_starts_with("circle: this symbolic link cannot be followed"));
    ck_assert_int_eq(replace("", "x"), AE_ERROR_NOT_FOUND);
    ck_assert(error_starts_with("the name of the file is empty"));
    ck_assert_int_eq(mkdir("d", 0700), 0);
    ck_assert_int_eq(replace("d/", "x"), AE_ERROR_IO);
    ck_assert(error_starts_with("d/: is the name of a folder"));
}
END_TEST

START_TEST(impossible_targets_are_refused_by_name)
{
    char name[300];
    ck_assert_int_eq(mkdir("d", 0700), 0);
    support_put("f", "text");
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    ck_assert_int_eq(replace("missing/x", "x"), AE_ERROR_NOT_FOUND);
    ck_assert(error_starts_with("missing/x: "));
    ck_assert_ptr_nonnull(strstr(ae_last_error(), strerror(ENOENT)));
    ck_assert_int_eq(replace("f/x", "x"), AE_ERROR_NOT_FOUND);
    ck_assert_int_eq(replace("", "x"), AE_ERROR_NOT_FOUND);
    ck_assert_int_eq(replace("d", "x"), AE_ERROR_IO);
    ck_assert(error_starts_with("d: is a folder"));
    ck_assert_int_eq(replace("d/", "x"), AE_ERROR_IO);
    ck_assert_int_eq(replace("pipe", "x"), AE_ERROR_IO);
    ck_assert_int_eq(replace("/dev/null", "x"), AE_ERROR_IO);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_int_eq(replace(name, "x"), AE_ERROR_IO);
    ck_assert_ptr_nonnull(strstr(ae_last_error(), "a file name of 299 bytes is too long"));
    name[255] = '\0';
    ck_assert_int_eq(replace(name, "longest name"), AE_OK);
    ck_assert(support_holds(name, "longest name"));
    aei_file *file = NULL;
    ck_assert_int_eq(aei_file_create(&file, NULL), AE_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(aei_file_create(NULL, "x"), AE_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(aei_file_commit(NULL), AE_ERROR_INVALID_ARGUMENT);
    ck_assert_uint_eq(support_entries("."), 4);
}
END_TEST

/* A target that becomes a folder meanwhile makes the rename fail, the last step that can. */
START_TEST(a_failed_rename_removes_the_temporary_file)
{
    aei_file *file;
    ck_assert_int_eq(aei_file_create(&file, "target"), AE_OK);
    ck_assert_int_eq(aei_file_write(file, "x", 1), AE_OK);
    ck_assert_int_eq(mkdir("target", 0700), 0);
    ck_assert_int_eq(aei_file_commit(file), AE_ERROR_IO);
    ck_assert(error_starts_with("target: "));
    ck_assert_uint_eq(support_entries("."), 1);
}
END_TEST

/* Root may write anywhere: the child is nobody. */
static int become_nobody(void *unused)
{
    (void)unused;
    return geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0);
}

static int write_without_permission(void *unused)
{
    if (become_nobody(unused) != 0)
        return 1;
    if (replace("locked/x", "x") != AE_ERROR_IO || !error_starts_with("locked/x: ") ||
        !support_contains(ae_last_error(), strerror(EACCES)))
        return 2;
    if (replace("open/readonly", "x") != AE_ERROR_IO || !support_holds("open/readonly", "precious"))
        return 3;
    return support_entries("locked") == 0 && support_entries("open") == 1 ? 0 : 4;
}

START_TEST(missing_permissions_are_named_and_change_nothing)
{
    ck_assert_int_eq(chmod(support_dir(), 0755), 0);
    ck_assert_int_eq(mkdir("locked", 0555), 0);
    ck_assert_int_eq(mkdir("open", 0700), 0);
    ck_assert_int_eq(chmod("open", 0777), 0);
    support_put("open/readonly", "precious");
    ck_assert_int_eq(chmod("open/readonly", 0444), 0);
    ck_assert_int_eq(support_in_child(write_without_permission, NULL), 0);
    ck_assert_int_eq(chmod("locked", 0700), 0);
}
END_TEST

/* A file of somebody else, in a group that the writer is not in: the group keeps no rights, since
 * the new file's group is another one. */
static int replace_as_nobody(void *unused)
{
    if (become_nobody(unused) != 0)
        return 1;
    return replace("theirs", "new text") == AE_OK ? 0 : 2;
}

START_TEST(rights_of_a_group_that_is_lost_are_dropped)
{
    struct stat about;
    ck_assert_int_eq(chmod(support_dir(), 0777), 0);
    support_put("theirs", "old text");
    ck_assert_int_eq(chown("theirs", 0, 0), 0);
    ck_assert_int_eq(chmod("theirs", 0676), 0);
    ck_assert_int_eq(support_in_child(replace_as_nobody, NULL), 0);
    ck_assert(support_holds("theirs", "new text"));
    ck_assert_int_eq(stat("theirs", &about), 0);
    ck_assert_uint_eq(about.st_gid, 65534);
    ck_assert_uint_eq(about.st_mode & 0777, 0606);
}
END_TEST

/* Fill up what there is; the failure must be reported at once, at commit again, and leave the old
 * file. */
static int overfill(void)
{
    static const char block[BIG];
    aei_file *file;
    if (aei_file_create(&file, "precious") != AE_OK)
        return 1;
    if (aei_file_write(file, block, sizeof block) != AE_ERROR_NO_SPACE ||
        !error_starts_with("precious: "))
        return 2;
    (void)aei_fail(AE_ERROR_DATA, "something else");
    if (aei_file_print(file, "%d", 1) != AE_ERROR_NO_SPACE)
        return 3;
    if (aei_file_commit(file) != AE_ERROR_NO_SPACE || !error_starts_with("precious: "))
        return 4;
    return support_holds("precious", "old text") && support_entries(".") == 1 ? 0 : 5;
}

/* Less than a buffer is noticed at commit only. */
static int overfill_at_commit(void)
{
    static const char block[60000];
    aei_file *file;
    if (aei_file_create(&file, "precious") != AE_OK ||
        aei_file_write(file, block, sizeof block) != AE_OK)
        return 6;
    if (aei_file_commit(file) != AE_ERROR_NO_SPACE)
        return 7;
    return support_holds("precious", "old text") && support_entries(".") == 1 ? 0 : 8;
}

static int overfill_both(void *unused)
{
    (void)unused;
    const int result = overfill();
    return result != 0 ? result : overfill_at_commit();
}

START_TEST(a_limit_of_file_sizes_keeps_the_old_file)
{
    support_put("precious", "old text");
    ck_assert_int_eq(support_in_child_with_file_limit(40000, overfill_both, NULL), 0);
}
END_TEST

/* A file system of 40 kB over a folder that only this child sees; mounting it may not be
 * permitted. */
static int mount_small_disk(void *disk)
{
    if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0)
        return 1;
    (void)mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL);
    return mount("tmpfs", disk, "tmpfs", 0, "size=40k") != 0 || chdir(disk) != 0;
}

static int overfill_small_disk(void *disk)
{
    if (mount_small_disk(disk) != 0)
        return 9;
    support_put("precious", "old text");
    return overfill_both(NULL);
}

START_TEST(a_full_disk_keeps_the_old_file)
{
    char disk[] = "disk";
    ck_assert_int_eq(mkdir(disk, 0700), 0);
    ck_assert_int_eq(support_in_child(overfill_small_disk, disk), 0);
}
END_TEST

static int killed_while_writing(void *unused)
{
    (void)unused;
    static const char block[BIG];
    aei_file *file;
    if (aei_file_create(&file, "precious") != AE_OK ||
        aei_file_write(file, block, sizeof block) != AE_OK)
        return 1;
    (void)raise(SIGKILL);
    return 2;
}

START_TEST(a_kill_while_writing_keeps_the_old_file)
{
    support_put("precious", "old text");
    ck_assert_int_eq(support_in_child(killed_while_writing, NULL), -1);
    ck_assert(support_holds("precious", "old text"));
    ck_assert_int_eq(replace("precious", "new text"), AE_OK);
    ck_assert(support_holds("precious", "new text"));
}
END_TEST

/* What a killed process left goes with the next write of the same name, and nothing else does. */
START_TEST(leftovers_of_the_dead_are_removed)
{
    ck_assert_int_eq(support_in_child(killed_while_writing, NULL), -1);
    ck_assert_uint_eq(support_entries("."), 1);
    static const char *const others[] = {".other.1f-2e.tmp",       ".precious.1f-2e.tmp.new",
                                         ".precious.1f.tmp",       ".precious.x-2e.tmp",
                                         ".precious.more.1f-.tmp", "precious.1f-2e.tmp"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        support_put(others[i], "somebody's");
    ck_assert_int_eq(mkdir(".precious.1f-2f.tmp", 0700), 0);
    ck_assert_int_eq(symlink("gone", ".precious.1f-30.tmp"), 0);
    support_put(".precious.1f-2e.tmp.old", "a pair's");
    ck_assert_int_eq(replace("precious", "new text"), AE_OK);
    ck_assert_uint_eq(support_entries("."), 1 + 6 + 2);
    ck_assert_int_eq(support_in_child(killed_while_writing, NULL), -1);
    aei_leftovers_remove_of(support_path("precious"));
    ck_assert_uint_eq(support_entries("."), 1 + 6 + 2);
    ck_assert(support_holds("precious", "new text"));
}
END_TEST

START_TEST(files_of_a_writer_that_lives_stay)
{
    aei_file *living;
    ck_assert_int_eq(aei_file_create(&living, "same"), AE_OK);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(replace("same", "another's"), AE_OK);
    aei_leftovers_remove_of("same");
    ck_assert_uint_eq(support_entries("."), 2);
    ck_assert_int_eq(aei_file_print(living, "%s", "at last"), AE_OK);
    ck_assert_int_eq(aei_file_commit(living), AE_OK);
    ck_assert(support_holds("same", "at last"));
    ck_assert_uint_eq(support_entries("."), 1);
}
END_TEST

/* Owners of folder and link, and whether it is followed, as with fs.protected_symlinks. */
static const struct {
    mode_t mode;
    uid_t folder, link;
    bool followed;
} owners[] = {{01777, 0, 1234, false},    {01777, 1234, 1234, true}, {01777, 0, 0, true},
              {01777, 1234, 5678, false}, {0777, 0, 1234, true},     {01755, 0, 1234, true}};

START_TEST(links_of_others_are_not_followed_where_all_may_write)
{
    support_put("target", "mine");
    ck_assert_int_eq(mkdir("open", 0700), 0);
    ck_assert_int_eq(symlink("../target", "open/link"), 0);
    ck_assert_int_eq(lchown("open/link", owners[_i].link, (gid_t)-1), 0);
    ck_assert_int_eq(chown("open", owners[_i].folder, (gid_t)-1), 0);
    ck_assert_int_eq(chmod("open", owners[_i].mode), 0);
    ck_assert_int_eq(replace("open/link", "theirs"), owners[_i].followed ? AE_OK : AE_ERROR_IO);
    ck_assert(support_holds("target", owners[_i].followed ? "theirs" : "mine"));
    if (!owners[_i].followed)
        ck_assert(error_starts_with("open/link: another user's symbolic link"));
    ck_assert_int_eq(chdir("open"), 0);
    ck_assert_int_eq(replace("link", "again"), owners[_i].followed ? AE_OK : AE_ERROR_IO);
    ck_assert_int_eq(chdir(".."), 0);
}
END_TEST

START_TEST(printed_text_may_be_longer_than_any_buffer)
{
    static char lengthy[100001];
    aei_file *file;
    memset(lengthy, 'y', sizeof lengthy - 1);
    ck_assert_int_eq(aei_file_create(&file, "text"), AE_OK);
    ck_assert_int_eq(aei_file_print(file, "%s", lengthy), AE_OK);
    ck_assert_int_eq(aei_file_print(file, "%s", ""), AE_OK);
    ck_assert_int_eq(aei_file_print(file, "%.511s", lengthy), AE_OK);
    ck_assert_int_eq(aei_file_print(file, "%.512s|%d\n", lengthy, 42), AE_OK);
    ck_assert_int_eq(aei_file_commit(file), AE_OK);
    void *data;
    size_t size;
    ck_assert_int_eq(aei_file_read(&data, &size, "text", SIZE_MAX), AE_OK);
    ck_assert_uint_eq(size, 100000 + 511 + 512 + 4);
    ck_assert_mem_eq((char *)data + size - 5, "y|42\n", 5);
    free(data);
}
END_TEST

Suite *file_suite(void)
{
    Suite *suite = suite_create("file");
    TCase *tcase = tcase_create("files");
    tcase_add_checked_fixture(tcase, support_dir_enter, support_dir_leave);
    tcase_add_test(tcase, files_of_every_length_come_back_as_written);
    tcase_add_test(tcase, nothing_is_seen_before_commit_and_discard_leaves_no_trace);
    tcase_add_test(tcase, two_writers_of_one_path_do_not_mix);
    tcase_add_test(tcase, the_target_is_fixed_when_the_file_is_created);
    tcase_add_test(tcase, modes_follow_the_umask_or_the_old_file);
    tcase_add_test(tcase, symbolic_links_are_followed_even_when_nothing_is_there_yet);
    tcase_add_test(tcase, a_cause_is_told_of_what_it_lies_in);
    tcase_add_test(tcase, impossible_targets_are_refused_by_name);
    tcase_add_test(tcase, a_failed_rename_removes_the_temporary_file);
    char root[] = "/tmp";
    support_add_test(tcase, missing_permissions_are_named_and_change_nothing,
                     support_in_child(become_nobody, NULL) == 0 ? NULL : "no other user to become");
    support_add_test(tcase, rights_of_a_group_that_is_lost_are_dropped,
                     geteuid() == 0 && support_in_child(become_nobody, NULL) == 0
                         ? NULL
                         : "not root, who alone gives files away");
    support_add_loop_test(tcase, links_of_others_are_not_followed_where_all_may_write, 0,
                          (int)(sizeof owners / sizeof *owners),
                          geteuid() == 0 ? NULL : "not root, who alone gives files away");
    tcase_add_test(tcase, leftovers_of_the_dead_are_removed);
    tcase_add_test(tcase, files_of_a_writer_that_lives_stay);
    tcase_add_test(tcase, a_limit_of_file_sizes_keeps_the_old_file);
    support_add_test(tcase, a_full_disk_keeps_the_old_file,
                     support_in_child(mount_small_disk, root) == 0 ? NULL
                                                                   : "mounting is not permitted");
    tcase_add_test(tcase, a_kill_while_writing_keeps_the_old_file);
    tcase_add_test(tcase, printed_text_may_be_longer_than_any_buffer);
    suite_add_tcase(suite, tcase);
    return suite;
}
