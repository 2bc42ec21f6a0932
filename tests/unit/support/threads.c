#include "support/threads.h"

#include "base/macros.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

void run_threads(int count, void *(*run)(void *), void *context)
{
    pthread_t threads[64];
    intptr_t failures = 0;
    assert_in_range(count, 1, ARRAY_LEN(threads));
    for (int i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, context), 0);
    for (int i = 0; i < count; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        failures += (intptr_t)failed;
    }
    assert_int_equal(failures, 0);
}
