/* digest.c - the one file that touches libcrypto. */
#include "base/digest.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* libcrypto looks an algorithm up by name at each use unless it was fetched; for as long as the
 * process lives. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void
fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void
digest_sha256(struct digest *out, const struct span *parts, size_t count)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    (void)pthread_once(&sha256_once, fetch_sha256);
    if (!md || !sha256 || EVP_DigestInit_ex(md, sha256, NULL) != 1)
        abort(); /* without a digest nobody could be let in or kept out */
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0 && EVP_DigestUpdate(md, parts[i].ptr, parts[i].len) != 1)
            abort();
    }
    unsigned len = DIGEST_BYTES;
    if (EVP_DigestFinal_ex(md, out->bytes, &len) != 1)
        abort();
    EVP_MD_CTX_free(md);
}

bool
digest_equal(const struct digest *a, const struct digest *b)
{
    return CRYPTO_memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}
