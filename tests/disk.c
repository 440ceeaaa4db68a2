/* A disk that the tests can break, put between SQLite and the C library by LD_PRELOAD.
 *
 * KONTOR_DISK_FOLDER   only files below it are watched; shared memory of the write-ahead log is not a file that matters
 * KONTOR_DISK_LOG      gets every write, truncation and sync, so that the disk can be rebuilt as of any moment
 * KONTOR_DISK_CONTROL  64-bit numbers, shared with the test: which operations fail, from the how manieth on, and how
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, WRITE = 2, TRUNCATE = 3, SYNC = 4, UNLINK = 5, FAILED_SYNC = 6 };
enum { KINDS, COUNTDOWN, ERRNO, STICKY, FIRED, SEEN };
enum { WAL_WRITE, WAL_SYNC, FILE_WRITE, FILE_SYNC };

#define FILES 65536
/* 0: not watched; 1: a database; 2: its write-ahead log. */
static unsigned char watched[FILES];
/* Linux since 4.13: a sync that failed is told once to everybody who had the file open, not only to whoever asked first. */
static unsigned char untold[FILES];
static int64_t *control;
static int journal = -1;
static const char *folder;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static int (*real_truncate)(int, off_t);
static int (*real_sync)(int);
static int (*real_unlink)(const char *);

__attribute__((constructor)) static void start(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_open = dlsym(RTLD_NEXT, "open64");
    real_close = dlsym(RTLD_NEXT, "close");
    real_truncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_sync = dlsym(RTLD_NEXT, "fdatasync");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    folder = getenv("KONTOR_DISK_FOLDER");
    const char *path = getenv("KONTOR_DISK_LOG");
    if (path) journal = real_open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    path = getenv("KONTOR_DISK_CONTROL");
    if (path) {
        int fd = real_open(path, O_RDWR);
        control = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (control == MAP_FAILED) abort();
    }
}

static int kind_of(const char *path) {
    size_t length = strlen(path);
    if (!folder || strncmp(path, folder, strlen(folder)) != 0) return 0;
    if (length > 4 && strcmp(path + length - 4, "-wal") == 0) return 2;
    return length > 7 && strcmp(path + length - 7, ".sqlite") == 0 ? 1 : 0;
}

static void note(uint64_t operation, uint64_t file, uint64_t place, const void *data, uint64_t length) {
    if (journal < 0) return;
    uint64_t head[4] = { operation, file, place, length };
    struct iovec parts[2] = { { head, sizeof head }, { (void *)data, length } };
    if (writev(journal, parts, data ? 2 : 1) < 0) abort();
}

/* Whether this operation is one that fails. */
static int fails(int kind) {
    if (!control) return 0;
    control[SEEN + kind]++;
    if (!(control[KINDS] & (1 << kind))) return 0;
    if (control[COUNTDOWN] > 0) control[COUNTDOWN]--;
    if (control[COUNTDOWN] > 0) return 0;
    if (control[FIRED] > 0 && !control[STICKY]) return 0;
    control[FIRED]++;
    return 1;
}

static int opened(int fd, const char *path) {
    if (fd >= 0 && fd < FILES) {
        watched[fd] = (unsigned char)kind_of(path);
        untold[fd] = 0;
    }
    return fd;
}

static int open_any(const char *path, int flags, va_list rest) {
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    return opened(real_open(path, flags, mode), path);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int fd = open_any(path, flags, rest);
    va_end(rest);
    return fd;
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int fd = open_any(path, flags, rest);
    va_end(rest);
    return fd;
}

int close(int fd) {
    if (fd >= 0 && fd < FILES) watched[fd] = 0;
    return real_close(fd);
}

/* Half of what fails to be written is written, as a full disk does it. */
static ssize_t put(int fd, const void *data, size_t length, off_t place, int moves) {
    int file = watched[fd];
    pthread_mutex_lock(&order);
    int broken = fails(file == 2 ? WAL_WRITE : FILE_WRITE);
    size_t some = broken ? length / 2 : length;
    ssize_t done = real_pwrite(fd, data, some, place);
    if (done > 0) note(WRITE, file, place, data, done);
    if (done > 0 && moves) lseek(fd, place + done, SEEK_SET);
    pthread_mutex_unlock(&order);
    if (!broken) return done;
    errno = (int)control[ERRNO];
    return -1;
}

ssize_t write(int fd, const void *data, size_t length) {
    if (fd < 0 || fd >= FILES || !watched[fd]) return real_write(fd, data, length);
    return put(fd, data, length, lseek(fd, 0, SEEK_CUR), 1);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t place) {
    if (fd < 0 || fd >= FILES || !watched[fd]) return real_pwrite(fd, data, length, place);
    return put(fd, data, length, place, 0);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t place) { return pwrite(fd, data, length, place); }

int ftruncate(int fd, off_t length) {
    if (fd < 0 || fd >= FILES || !watched[fd]) return real_truncate(fd, length);
    pthread_mutex_lock(&order);
    int done = real_truncate(fd, length);
    if (done == 0) note(TRUNCATE, watched[fd], length, NULL, 0);
    pthread_mutex_unlock(&order);
    return done;
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

/* Nothing waits for the real disk: this one decides what is kept. */
static int settle(int fd) {
    pthread_mutex_lock(&order);
    int broken = fails(watched[fd] == 2 ? WAL_SYNC : FILE_SYNC);
    note(broken ? FAILED_SYNC : SYNC, watched[fd], 0, NULL, 0);
    for (int other = 0; broken && other < FILES; other++) untold[other] |= watched[other] == watched[fd];
    int told = untold[fd];
    untold[fd] = 0;
    pthread_mutex_unlock(&order);
    if (!told) return 0;
    errno = (int)control[ERRNO];
    return -1;
}

int fdatasync(int fd) { return fd < 0 || fd >= FILES || !watched[fd] ? real_sync(fd) : settle(fd); }
int fsync(int fd) { return fdatasync(fd); }

int unlink(const char *path) {
    pthread_mutex_lock(&order);
    int done = real_unlink(path);
    if (done == 0 && kind_of(path)) note(UNLINK, kind_of(path), 0, NULL, 0);
    pthread_mutex_unlock(&order);
    return done;
}
