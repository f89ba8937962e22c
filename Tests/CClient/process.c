/* What the library leaves alone in a process: signal handlers, signal masks, threads, output, the environment. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

extern char **environ;

/* Signals that are caught, ignored and blocked, and the number of threads, as the system tells them. */
static void look(char *text, size_t room) {
    static const char *const names[] = {"SigBlk:", "SigIgn:", "SigCgt:", "Threads:"};
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    REQUIRE(status != NULL);
    text[0] = 0;
    while (fgets(line, sizeof line, status) != NULL)
        for (size_t index = 0; index < sizeof names / sizeof names[0]; index++)
            if (strncmp(line, names[index], strlen(names[index])) == 0)
                strncat(text, line, room - strlen(text) - 1);
    fclose(status);
    REQUIRE(strstr(text, "SigCgt") != NULL && strstr(text, "Threads") != NULL);
}

static size_t environment_count(void) {
    size_t count = 0;
    while (environ[count] != NULL) count++;
    return count;
}

/* Logs each connection to a standard error that nobody reads any more. */
static void log_to_nobody(void) {
    hf_options options = hf_options_init();
    hf_connection connection;
    hf_endpoint endpoint;
    sigset_t after, waiting;
    int ends[2];
    REQUIRE(pipe(ends) == 0 && close(ends[0]) == 0 && dup2(ends[1], 2) == 2);
    options.log_level = HF_LOG_TRACE;
    endpoint = make_loop(&options, &connection);
    leave(endpoint);
    REQUIRE(sigprocmask(SIG_SETMASK, NULL, &after) == 0 && sigpending(&waiting) == 0);
    REQUIRE(sigismember(&after, SIGPIPE) == 0 && sigismember(&waiting, SIGPIPE) == 0);
    exit(0);
}

/* The log ends no process, and leaves no signal behind. */
static void test_log_to_nobody(void) {
    int status = 0;
    pid_t child;
    fflush(stdout);
    child = fork();
    REQUIRE(child >= 0);
    if (child == 0) log_to_nobody();
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void test_process(void) {
    char before[1024], after[1024], path[] = "/tmp/handfast-client-XXXXXX";
    size_t variables = environment_count();
    int file = mkstemp(path), out = dup(1), err = dup(2);
    struct stat state;
    REQUIRE(file >= 0 && out >= 0 && err >= 0 && unlink(path) == 0);
    look(before, sizeof before);
    fflush(NULL);
    REQUIRE(dup2(file, 1) == 1 && dup2(file, 2) == 2);
    for (int mode = HF_THREAD_SINGLE; mode <= HF_THREAD_MULTIPLE; mode++) {
        hf_options options = hf_options_init();
        hf_connection connection, nobody;
        hf_endpoint endpoint;
        options.thread_mode = (uint32_t)mode;
        endpoint = make_loop(&options, &connection);
        OK(hf_connect(endpoint, "127.0.0.1:1", NULL, &nobody));
        EXPECT(HF_ERROR_UNREACHABLE, hf_connection_wait(nobody, SOON));
        EXPECT(HF_ERROR_ARGUMENT, hf_connect(endpoint, "nonsense", NULL, &nobody));
        look(after, sizeof after);
        leave(endpoint);
    }
    REQUIRE(dup2(out, 1) == 1 && dup2(err, 2) == 2 && fstat(file, &state) == 0);
    REQUIRE(state.st_size == 0);
    REQUIRE(strcmp(before, after) == 0);
    look(after, sizeof after);
    REQUIRE(strcmp(before, after) == 0);
    REQUIRE(environment_count() == variables);
    close(file);
    close(out);
    close(err);
    test_log_to_nobody();
}
