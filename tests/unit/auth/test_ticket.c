#include "auth/ticket.h"

#include "auth/sign_in_code.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define NOW ((int64_t)1000000)

static struct arena *arena;
static struct token_set *tickets;

static int make(void **state)
{
    (void)state;
    arena = arena_new();
    tickets = token_set_new(TICKETS_MAX);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    token_set_free(tickets);
    arena_free(arena);
    return 0;
}

static void a_ticket_works_once(void **state)
{
    (void)state;
    const char *one = ticket_make(tickets, arena, NOW), *other = ticket_make(tickets, arena, NOW);
    assert_string_not_equal(one, other);
    assert_true(ticket_use(tickets, one, NOW));
    assert_false(ticket_use(tickets, one, NOW));
    assert_true(ticket_use(tickets, other, NOW));
}

static void a_ticket_lives_for_a_minute(void **state)
{
    (void)state;
    const char *one = ticket_make(tickets, arena, NOW), *other = ticket_make(tickets, arena, NOW);
    assert_true(ticket_use(tickets, one, NOW + 59999));
    assert_false(ticket_use(tickets, other, NOW + 60000));
}

static void what_is_no_ticket_is_refused(void **state)
{
    (void)state;
    char *cut = arena_strdup(arena, ticket_make(tickets, arena, NOW));
    cut[strlen(cut) - 1] = '\0';
    assert_false(ticket_use(tickets, cut, NOW));
    assert_false(ticket_use(tickets, "", NOW));
    assert_false(ticket_use(tickets, NULL, NOW));
}

static void when_too_many_are_out_the_oldest_gives_way(void **state)
{
    (void)state;
    const char *oldest = ticket_make(tickets, arena, NOW);
    const char *second = ticket_make(tickets, arena, NOW + 1);
    for (int i = 0; i < TICKETS_MAX - 1; i++)
        ticket_make(tickets, arena, NOW + 2);
    assert_false(ticket_use(tickets, oldest, NOW + 2));
    assert_true(ticket_use(tickets, second, NOW + 2));
}

static void expired_ones_make_room_before_any_other(void **state)
{
    (void)state;
    for (int i = 0; i < TICKETS_MAX - 1; i++)
        ticket_make(tickets, arena, NOW);
    const char *alive = ticket_make(tickets, arena, NOW + 1);
    for (int i = 0; i < TICKETS_MAX - 1; i++)
        ticket_make(tickets, arena, NOW + 60000);
    assert_true(ticket_use(tickets, alive, NOW + 60000));
}

static void a_set_tells_what_is_in_it_until_its_end(void **state)
{
    (void)state;
    token_set_add(tickets, "a", NOW, NOW + 10);
    token_set_add(tickets, "a", NOW, NOW + 10);
    assert_true(token_set_has(tickets, "a", NOW + 9));
    assert_true(token_set_has(tickets, "a", NOW + 9));
    assert_false(token_set_has(tickets, "b", NOW + 9));
    assert_false(token_set_has(tickets, "a", NOW + 10));
    assert_true(token_set_take(tickets, "a", NOW)); /* once, though added twice */
    assert_false(token_set_has(tickets, "a", NOW));
}

static void a_code_works_once_and_for_twelve_hours(void **state)
{
    struct sign_in_code code;
    (void)state;
    sign_in_code_set(&code, "the-code", NOW);
    assert_false(sign_in_code_use(&code, "the-cod", NOW));
    assert_false(sign_in_code_use(&code, "the-code ", NOW));
    assert_false(sign_in_code_use(&code, "", NOW));
    assert_false(sign_in_code_use(&code, "the-code", NOW + SIGN_IN_CODE_LIFE_MS));
    assert_true(sign_in_code_use(&code, "the-code", NOW + SIGN_IN_CODE_LIFE_MS - 1));
    assert_false(sign_in_code_use(&code, "the-code", NOW));
}

static void without_a_code_none_works(void **state)
{
    struct sign_in_code code;
    (void)state;
    sign_in_code_set(&code, NULL, NOW);
    assert_false(sign_in_code_use(&code, "", NOW));
    sign_in_code_set(&code, "", NOW);
    assert_false(sign_in_code_use(&code, "", NOW));
}

#define ROUNDS 20000

/* Two threads that meet before each round as closely as can be. */
struct race {
    struct sign_in_code *codes; /* one a round */
    const char **tickets;
    atomic_int *arrived;
    int codes_won, tickets_won;
};

static void *run_race(void *context)
{
    struct race *race = context;
    for (int round = 0; round < ROUNDS; round++) {
        atomic_fetch_add(race->arrived, 1);
        for (int spins = 0; atomic_load(race->arrived) < 2 * (round + 1); spins++)
            if (spins > 1000)
                sched_yield();
        race->codes_won += sign_in_code_use(&race->codes[round], "the-code", NOW);
        if (round < TICKETS_MAX)
            race->tickets_won += ticket_use(tickets, race->tickets[round], NOW);
    }
    return NULL;
}

static void of_two_threads_at_once_exactly_one_uses_the_code_and_the_ticket(void **state)
{
    pthread_t threads[2];
    struct race races[ARRAY_LEN(threads)];
    atomic_int arrived = 0;
    struct sign_in_code *codes = arena_alloc(arena, ROUNDS * sizeof *codes);
    const char **all = arena_alloc(arena, TICKETS_MAX * sizeof *all);
    (void)state;
    for (int i = 0; i < ROUNDS; i++)
        sign_in_code_set(&codes[i], "the-code", NOW);
    for (int i = 0; i < TICKETS_MAX; i++)
        all[i] = ticket_make(tickets, arena, NOW);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        races[i] = (struct race){.codes = codes, .tickets = all, .arrived = &arrived};
        pthread_create(&threads[i], NULL, run_race, &races[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(races[0].codes_won + races[1].codes_won, ROUNDS);
    assert_int_equal(races[0].tickets_won + races[1].tickets_won, TICKETS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_ticket_works_once),
        TEST(a_ticket_lives_for_a_minute),
        TEST(what_is_no_ticket_is_refused),
        TEST(when_too_many_are_out_the_oldest_gives_way),
        TEST(expired_ones_make_room_before_any_other),
        TEST(a_set_tells_what_is_in_it_until_its_end),
        TEST(a_code_works_once_and_for_twelve_hours),
        TEST(without_a_code_none_works),
        TEST(of_two_threads_at_once_exactly_one_uses_the_code_and_the_ticket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
