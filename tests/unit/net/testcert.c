/* testcert.c - certificates by libcrypto. */
#include "testcert.h"

#include <assert.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY_S (24 * 60 * 60L)

static void
add_extension(X509 *cert, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    assert(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

static X509 *
new_cert(EVP_PKEY *key, const char *name, int from_days, int until_days)
{
    static long serial = 1;
    X509 *cert = X509_new();
    assert(cert && key);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(cert), from_days * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(cert), until_days * DAY_S);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    return cert;
}

void
testcert_authority_open(struct testcert_authority *authority, const char *name)
{
    *authority = (struct testcert_authority){.path = "/tmp/postern-test-ca-XXXXXX"};
    authority->key = EVP_EC_gen("P-256");
    X509 *cert = authority->cert = new_cert(authority->key, name, -2, 2);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(cert, cert, NID_subject_key_identifier, "hash");
    int is_signed = X509_sign(cert, authority->key, EVP_sha256());
    assert(is_signed);
    int fd = mkstemp(authority->path);
    FILE *file = fdopen(fd, "w");
    assert(file);
    PEM_write_X509(file, cert);
    (void)fclose(file);
}

void
testcert_authority_close(struct testcert_authority *authority)
{
    unlink(authority->path);
    X509_free(authority->cert);
    EVP_PKEY_free(authority->key);
}

SSL_CTX *
testcert_server(const struct testcert_authority *authority, const char *san, int from_days,
                int until_days)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = new_cert(key, "upstream", from_days, until_days);
    X509_set_issuer_name(cert, X509_get_subject_name(authority->cert));
    add_extension(cert, authority->cert, NID_subject_alt_name, san);
    int is_signed = X509_sign(cert, authority->key, EVP_sha256());
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());
    assert(is_signed && server);
    SSL_CTX_use_certificate(server, cert);
    SSL_CTX_use_PrivateKey(server, key);
    X509_free(cert);
    EVP_PKEY_free(key);
    return server;
}
