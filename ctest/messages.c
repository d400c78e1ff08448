/*
 * What a program may do with the text of sonset_error_last_message().
 */
#include "check.h"

#include <pthread.h>

enum { SAID = 8192 };

static const char *other_thread_text;

static void *fails_elsewhere(void *unused)
{
    (void)unused;
    CHECK(sonset_error_last_message()[0] == '\0');
    CHECK_CODE(SONSET_ERROR_FILE_NOT_FOUND, sonset_buffer_load_file("of_another_thread.wav", (sonset_buffer **)&unused));
    CHECK_SAYS("of_another_thread.wav");
    other_thread_text = sonset_error_last_message();
    return NULL;
}

int main(void)
{
    const char *message = sonset_error_last_message();
    char said[SAID], path[SAID];
    sonset_buffer *buffer = NULL;
    sonset_stream *stream;
    float out[2] = {0};
    pthread_t thread;
    int n;

    PROMISE("before the first failure the message is empty, not NULL");
    CHECK(message != NULL);
    CHECK_INT(strlen(message), 0);

    PROMISE("a call and its message may be arguments of one printf");
    for (n = 0; n < 100; n++) {
        char name[32];
        snprintf(name, sizeof name, "nowhere_%d.wav", n);
        snprintf(said, sizeof said, "%d %s", (int)sonset_buffer_load_file(name, &buffer), sonset_error_last_message());
        CHECK(strstr(said, name) != NULL);
        snprintf(said, sizeof said, "%s %d", sonset_error_last_message(), (int)sonset_buffer_load_file("", &buffer));
    }

    PROMISE("the text stays at one address for the life of the thread");
    CHECK(sonset_error_last_message() == message);
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    CHECK(sonset_buffer_load_file(path, &buffer) != SONSET_OK);
    CHECK(sonset_error_last_message() == message);

    PROMISE("a message that is too long is cut and says so");
    CHECK_INT(strlen(message), 5119);
    CHECK(strcmp(message + 5119 - 3, "...") == 0);

    PROMISE("calls that succeed, and process, leave the message as it is");
    CHECK_CODE(SONSET_ERROR_FILE_NOT_FOUND, sonset_buffer_load_file("kept.wav", &buffer));
    stream = open_running(SONSET_BACKEND_MANUAL, 2, 0);
    OK(sonset_stream_process(stream, NULL, out, 1, 0, 0, 0));
    CHECK_CODE(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_process(stream, NULL, out, -1, 0, 0, 0));
    CHECK_CODE(SONSET_ERROR_INVALID_ARGUMENT, sonset_stream_process_output(stream, out, -1, 0, 0));
    CHECK(sonset_stream_process_input(stream, NULL, 1, 0, 0) != SONSET_OK);
    CHECK(sonset_stream_process_planar(stream, NULL, NULL, 1, 0, 0, 0) != SONSET_OK);
    CHECK_SAYS("kept.wav");
    sonset_stream_destroy(stream);
    CHECK_SAYS("kept.wav");

    PROMISE("each thread has a message of its own");
    CHECK(pthread_create(&thread, NULL, fails_elsewhere, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(other_thread_text != message);
    CHECK_SAYS("kept.wav");
    DONE();
}
