/* A thread that waits for the signals; all others have them blocked. */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "command.h"
#include "interrupt.h"

/* `lock` guards stop, context and closing. */
static struct {
    pthread_mutex_t lock;
    pthread_t thread;
    void (*stop)(void *context);
    void *context;
    bool open, closing;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void fill(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGUSR1); /* from interrupt_close() */
}

/* True: the program goes on. */
static bool handle(void)
{
    pthread_mutex_lock(&state.lock);
    void (*stop)(void *) = state.stop;
    state.stop = NULL;
    if (stop)
        stop(state.context);
    pthread_mutex_unlock(&state.lock);
    return stop != NULL;
}

static void *wait_for_signals(void *nothing)
{
    (void)nothing;
    sigset_t set;
    int signal;
    fill(&set);
    while (sigwait(&set, &signal) == 0) {
        pthread_mutex_lock(&state.lock);
        bool closing = state.closing;
        pthread_mutex_unlock(&state.lock);
        if (closing)
            break;
        if (signal == SIGUSR1)
            continue;
        if (!handle())
            _exit(128 + signal);
    }
    return NULL;
}

int interrupt_open(void)
{
    sigset_t set;
    fill(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    state.open = pthread_create(&state.thread, NULL, wait_for_signals, NULL) == 0;
    return state.open ? CLI_OK
                      : cli_fail(CLI_FAILED, "cannot start the thread that waits for signals");
}

void interrupt_set(void (*stop)(void *context), void *context)
{
    pthread_mutex_lock(&state.lock);
    state.stop = stop;
    state.context = context;
    pthread_mutex_unlock(&state.lock);
}

static void raise_flag(void *flag)
{
    atomic_store((atomic_bool *)flag, true);
}

void interrupt_set_flag(atomic_bool *flag)
{
    interrupt_set(raise_flag, flag);
}

void interrupt_close(void)
{
    if (!state.open)
        return;
    pthread_mutex_lock(&state.lock);
    state.closing = true;
    pthread_mutex_unlock(&state.lock);
    pthread_kill(state.thread, SIGUSR1);
    pthread_join(state.thread, NULL);
    state.open = false;
}
