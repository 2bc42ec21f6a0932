/* One wrong guess at one secret: compares SECRET GUESS, as scripts/timing runs it under callgrind, which counts the
 * instructions of attempt() alone. Without arguments, the pairs, one a line. Exits with 2 when the secret itself is not
 * taken or the guess is, so that what is counted is a real refusal of what nearly passes.
 */
#include "auth/internal.h"

#include "auth/admin_session.h"
#include "base/clock.h"

#include <sodium.h>
#include <stdio.h>

/* Longer than the 32 bytes that strcmp() compares in one step. */
#define ADMIN_TOKEN "an admin token of the tests, which is so long that no processor compares all of it in one step"
#define CODE "a code for one use, which is so long as well that no processor compares all of it in one step"
#define LENGTH_MAX 1024

static struct auth *auth;
static struct arena *arena;
static struct auth_user *admin;
static const char *session;
static char guess[LENGTH_MAX] __attribute__((aligned(64))); /* one place for all guesses: strlen() looks at alignment */

static bool take_credential(const char *text)
{
    struct err err = ERR_NONE_YET;
    return auth_check(auth, arena, text, NULL, &err) != NULL;
}

static bool take_csrf(const char *text)
{
    return auth_csrf_check(auth, arena, session, admin, text);
}

static bool take_code(const char *text)
{
    return sign_in_code_use(&auth->code, text, clock_mono_ms());
}

static bool take_ticket(const char *text)
{
    return auth_ticket_use(auth, text);
}

/* How not to compare: it ends at the first difference. The count must tell. */
static bool take_naively(const char *text)
{
    const volatile char *secret = ADMIN_TOKEN;
    while (*secret != '\0' && *secret == *text)
        secret++, text++;
    return *secret == *text;
}

static const struct secret {
    const char *name;
    bool (*take)(const char *text);
    bool by_digest; /* SHA-256 is what is compared */
} secrets[] = {
    {"admin_token", take_credential, true}, {"signed_session", take_credential, false},
    {"csrf_token", take_csrf, false},       {"sign_in_code", take_code, true},
    {"export_ticket", take_ticket, true},   {"naive", take_naively, false},
};

/* Where the guess goes wrong. */
static const char *const guesses[] = {"first", "middle", "last", "digest"};
enum { FIRST, MIDDLE, LAST, DIGEST };

static const char *text_of(const struct secret *secret)
{
    if (strcmp(secret->name, "signed_session") == 0)
        return session;
    if (strcmp(secret->name, "csrf_token") == 0)
        return auth_csrf_token(auth, arena, session, admin);
    if (strcmp(secret->name, "export_ticket") == 0)
        return auth_ticket_new(auth, arena);
    return strcmp(secret->name, "sign_in_code") == 0 ? CODE : ADMIN_TOKEN;
}

static unsigned char first_of_digest(const char *text)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, (const unsigned char *)text, strlen(text));
    return digest[0];
}

static void make_guess(const char *right, int kind)
{
    size_t length = strlen(right);
    const char *dot = strrchr(right, '.');
    size_t start = dot == NULL ? 0 : (size_t)(dot + 1 - right); /* the signature, where there is one */
    snprintf(guess, sizeof guess, "%s", right);
    if (kind == DIGEST) {
        for (unsigned number = 0; first_of_digest(guess) != first_of_digest(right) || strcmp(guess, right) == 0;
             number++) {
            char digits[9];
            snprintf(digits, sizeof digits, "%08x", number);
            memcpy(guess, digits, 8);
        }
        return;
    }
    size_t at = kind == FIRST ? start : kind == LAST ? length - 1 : start + (length - start) / 2;
    guess[at] = guess[at] == 'A' ? 'E' : 'A'; /* both may end the base64 of 32 bytes */
}

bool attempt(bool (*take)(const char *text)); /* not static: callgrind finds it by name */
__attribute__((noinline)) bool attempt(bool (*take)(const char *text))
{
    return take(guess);
}

static void list(void)
{
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        for (int kind = FIRST; kind <= (secrets[i].by_digest ? DIGEST : LAST); kind++)
            printf("%s %s\n", secrets[i].name, guesses[kind]);
}

int main(int argc, char **argv)
{
    const struct auth_options options = {.admin_token = ADMIN_TOKEN, .session_ttl_ms = 3600000, .sign_in_code = CODE};
    if (argc != 3) {
        list();
        return argc == 1 ? 0 : 1;
    }
    arena = arena_new();
    auth = auth_new(&options);
    admin = admin_token_user(arena);
    session = admin_session_make(arena, ADMIN_TOKEN, options.session_ttl_ms, clock_wall_ms());
    int status = 1;
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        for (int kind = FIRST; kind <= DIGEST; kind++) {
            if (strcmp(secrets[i].name, argv[1]) != 0 || strcmp(guesses[kind], argv[2]) != 0)
                continue;
            const char *right = text_of(&secrets[i]);
            make_guess(right, kind);
            status = attempt(secrets[i].take) || !secrets[i].take(right) ? 2 : 0;
        }
    auth_free(auth);
    arena_free(arena);
    return status;
}
