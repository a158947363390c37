/* Everything that differs between operating systems: clock, processor name and count, huge
 * pages, files mapped into memory. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/file.h"
#include "base/memory.h"

int64_t base_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int base_cpu_count(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? count : 1;
}

static void read_cpu_model(char *name, size_t size)
{
    snprintf(name, size, "%s",
#if defined(__x86_64__)
             "x86-64"
#elif defined(__aarch64__)
             "aarch64"
#else
             "unknown processor"
#endif
    );
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file)
        return;
    char line[256];
    while (fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        colon[strcspn(colon, "\n")] = 0;
        snprintf(name, size, "%s", colon[1] ? colon + 2 : "");
        break;
    }
    fclose(file);
}

const char *base_cpu_model(void)
{
    static _Thread_local char name[128];
    if (!name[0])
        read_cpu_model(name, sizeof name);
    return name;
}

int base_file_map(struct base_mapping *out, const char *path, size_t limit)
{
    memset(out, 0, sizeof *out);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return base_error(errno == ENOENT ? STANCE_ENOTFOUND : STANCE_EIO, "cannot open '%s': %s",
                          path, strerror(errno));
    struct stat status;
    int code = 0;
    if (fstat(descriptor, &status) != 0)
        code = base_error(STANCE_EIO, "cannot read '%s': %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        code = base_error(STANCE_EIO, "'%s' is not a regular file", path);
    else if (status.st_size == 0)
        code = base_error(STANCE_EFORMAT, "'%s' is empty", path);
    else if ((uint64_t)status.st_size > limit)
        code = base_error(STANCE_ELIMIT, "'%s' has %lld bytes; at most %zu are read", path,
                          (long long)status.st_size, limit);
    if (code == 0) {
        void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (data == MAP_FAILED) {
            code = base_error(STANCE_EIO, "cannot map '%s': %s", path, strerror(errno));
        } else {
            out->data = data;
            out->size = (size_t)status.st_size;
        }
    }
    close(descriptor);
    return code;
}

void base_memory_huge(void *block, size_t bytes)
{
    madvise(block, bytes, MADV_HUGEPAGE);
}

void base_file_unmap(struct base_mapping *mapping)
{
    if (mapping->data)
        munmap((void *)(uintptr_t)mapping->data, mapping->size);
    memset(mapping, 0, sizeof *mapping);
}

void base_file_forget(const struct base_mapping *mapping)
{
    if (mapping->data)
        madvise((void *)(uintptr_t)mapping->data, mapping->size, MADV_DONTNEED);
}
