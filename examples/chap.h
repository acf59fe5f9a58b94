/* CHAP for the C examples: its hashes by OpenSSL, and names and secrets from a file (RFC 7143 section 12.1.3). The
 * library has no hash of its own; a host brings those that it has, as this table does.
 *
 *   static struct chap chap;                         cc ... $(pkg-config --cflags --libs isthmus libcrypto)
 *   const char* wrong = chap_read(&chap, "secrets"); what is wrong, for people, never a secret; NULL: nothing
 *   chap_use(&chap, &options);                       of an initiator's connection, which copies what it needs
 *   chap_wipe(&chap);
 *
 * The file is its owner's alone (mode 600), its lines are those of iscsi and iscsi_target:
 *
 *   NAME SECRET           the initiator
 *   mutual NAME SECRET    the target: it must then prove itself in turn */
#ifndef ISTHMUS_EXAMPLES_CHAP_H_
#define ISTHMUS_EXAMPLES_CHAP_H_

#include <openssl/evp.h>

#include "example.h"

struct chap {
  char text[4096];                /* of the file; the names and secrets lie in it */
  const char *name, *target_name; /* NULL: there is none */
  isthmus_bytes secret, target_secret;
  isthmus_hash hashes[4];
};

static bool chap_hash(void* context, const isthmus_bytes* parts, size_t count, uint8_t* out) {
  EVP_MD_CTX* hash = EVP_MD_CTX_new();
  bool good = hash && EVP_DigestInit_ex(hash, context, NULL) == 1; /* a FIPS provider has no MD5 */
  for (size_t i = 0; good && i < count; ++i) good = EVP_DigestUpdate(hash, parts[i].data, parts[i].size) == 1;
  good = good && EVP_DigestFinal_ex(hash, out, NULL) == 1;
  EVP_MD_CTX_free(hash);
  return good;
}

static char* chap_word(char** line) {
  char* word = *line;
  *line += strcspn(*line, " \t");
  if (**line) *(*line)++ = 0;
  *line += strspn(*line, " \t");
  return word;
}

static const char* chap_line(struct chap* c, char* line) {
  line += strspn(line, " \t");
  line[strcspn(line, "\r")] = 0;
  if (*line == 0 || *line == '#') return NULL;
  const char* name = chap_word(&line);
  const bool mutual = strcmp(name, "mutual") == 0;
  if (mutual) name = chap_word(&line);
  if (strlen(line) < 12) return "a line without a secret of 12 bytes or more (9.2.1)";
  if (mutual ? c->target_name : c->name) return "two lines for one side";
  *(mutual ? &c->target_name : &c->name) = name;
  *(mutual ? &c->target_secret : &c->secret) = (isthmus_bytes){line, strlen(line)};
  return NULL;
}

/* By preference; tgt takes 7 for SHA1 and picks the first number that it knows, so 5 stands before 7. */
static void chap_set_hashes(struct chap* c) {
  static const uint8_t numbers[] = {8, 6, 5, 7};
  const EVP_MD* const functions[] = {EVP_sha3_256(), EVP_sha1(), EVP_md5(), EVP_sha256()};
  for (size_t i = 0; i < 4; ++i) {
    c->hashes[i] = (isthmus_hash){.chap_algorithm = numbers[i], .compute = chap_hash};
    c->hashes[i].context = (void*)(uintptr_t)functions[i];
    c->hashes[i].digest_size = (uint8_t)EVP_MD_get_size(functions[i]);
  }
}

static const char* chap_read(struct chap* c, const char* path) {
  struct stat s;
  const char* wrong = NULL;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return strerror(errno);
  const ssize_t got = fstat(fd, &s) == 0 && S_ISREG(s.st_mode) ? read(fd, c->text, sizeof c->text - 1) : -1;
  close(fd);
  if (got < 0 || got == (ssize_t)sizeof c->text - 1) return "not a short regular file";
  if ((s.st_mode & 077) || (s.st_uid != geteuid() && s.st_uid != 0)) return "others can read or write it: chmod 600";
  c->text[got] = 0;
  chap_set_hashes(c);
  for (char *rest = c->text, *line; !wrong && (line = strsep(&rest, "\n"));) wrong = chap_line(c, line);
  return wrong || c->name ? wrong : "no line NAME SECRET";
}

static void chap_use(const struct chap* c, isthmus_initiator_connection_options* options) {
  options->hashes = c->hashes;
  options->hash_count = 4;
  options->chap_name = c->name;
  options->chap_secret = c->secret;
  options->chap_target_name = c->target_name;
  options->chap_target_secret = c->target_secret;
}

static void chap_wipe(struct chap* c) { explicit_bzero(c, sizeof *c); }

#endif
