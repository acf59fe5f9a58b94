/* Digests alone: prints the CRC32C of each file, or of standard input, as iSCSI, ext4 and SCTP compute it.
 *
 *   cc -O2 crc32c.c -o crc32c $(pkg-config --cflags --libs isthmus)
 *   crc32c [FILE...]                        the digest in hexadecimal, the size, the name
 *
 * The kernel that the processor is best at is chosen by itself; ISTHMUS_KERNEL=NAME forces another, for comparison. */
#include <isthmus.h>
#include <stdio.h>
#include <stdlib.h>

static int print(FILE* file, const char* name) {
  static char buffer[1 << 16];
  unsigned long long size = 0;
  uint32_t crc = 0; /* of nothing */
  for (size_t got; (got = fread(buffer, 1, sizeof buffer, file)) > 0; size += got) {
    crc = isthmus_crc32c_extend(crc, buffer, got);
  }
  if (ferror(file)) return perror(name), 1;
  printf("%08x %llu %s\n", (unsigned)crc, size, name);
  return 0;
}

int main(int argc, char** argv) {
  int status = 0;
  const char* kernel = getenv("ISTHMUS_KERNEL");
  if (kernel && isthmus_kernel_force(kernel)) return fprintf(stderr, "no kernel %s here\n", kernel), 2;
  if (argc == 1) return print(stdin, "-");
  for (int i = 1; i < argc; ++i) {
    FILE* file = fopen(argv[i], "rb");
    if (file) {
      status |= print(file, argv[i]);
      fclose(file);
    } else {
      perror(argv[i]);
      status = 1;
    }
  }
  return status;
}
