/* What the examples share: an error ends the program with what was wrong, and where there is no sound device
 * the virtual one stands in, which wires its outputs to its inputs. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>

#include "sonset.h"

static inline void check(int32_t result, const char *what)
{
    if (result == SONSET_OK)
        return;
    fprintf(stderr, "%s: %s (%s)\n", what, sonset_error_last_message(), sonset_result_name(result));
    exit(1);
}

/* A stream on the default device, or on the virtual one; not started yet. */
static inline sonset_stream *open_stream(sonset_stream_config *config)
{
    sonset_stream *stream;
    if (sonset_stream_open(config, NULL, NULL, NULL, &stream) != SONSET_OK) {
        printf("No sound device (%s): this runs on the VIRTUAL one, and nothing can be heard.\n",
               sonset_error_last_message());
        config->backend = SONSET_BACKEND_VIRTUAL;
        check(sonset_stream_open(config, NULL, NULL, NULL, &stream), "open the virtual device");
    }
    return stream;
}

static inline sonset_stream_info info_of(sonset_stream *stream)
{
    sonset_stream_info info = {0};
    check(sonset_stream_get_info(stream, &info), "info");
    return info;
}

/* The first frame that can still be reached, and `seconds` later. */
static inline int64_t frame_in(sonset_stream *stream, double seconds)
{
    sonset_stream_time time = {0};
    check(sonset_stream_get_time(stream, SONSET_DIRECTION_OUTPUT, &time), "time");
    return time.earliest_frame + (int64_t)(seconds * info_of(stream).sample_rate_hz);
}

/* The receipt of an action, once it has ended. */
static inline sonset_receipt receipt_of(sonset_stream *stream, int64_t action)
{
    sonset_receipt receipt = {0};
    check(sonset_stream_wait_action(stream, action, SONSET_ACTION_ENDED, 60000, &receipt), "wait");
    return receipt;
}

#endif
