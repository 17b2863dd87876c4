/* testcert.h - an authority and the certificates it gave out, made anew for each run. */
#ifndef POSTERN_TESTS_TESTCERT_H
#define POSTERN_TESTS_TESTCERT_H

#include <openssl/ssl.h>

struct testcert_authority {
    EVP_PKEY *key;
    X509 *cert;
    char path[64]; /* its certificate, PEM */
};

void testcert_authority_open(struct testcert_authority *authority, const char *name);
void testcert_authority_close(struct testcert_authority *authority); /* removes the file */

/* A server whose certificate names `san` ("IP:127.0.0.1") and is good from and until so many days
 * from now. The caller frees it. */
SSL_CTX *testcert_server(const struct testcert_authority *authority, const char *san, int from_days,
                         int until_days);

#endif
