/*
 * The structs as the C compiler lays them out, against layout.txt, which the Rust side is held to as well.
 * ctest/run turns that file into layout_table.h: SIZE(struct, size) and FIELD(struct, field, offset, size).
 */
#include <stddef.h>

#include "check.h"

/* An array of negative size does not compile. */
#define SIZE(type, size) typedef char size_of_##type[sizeof(type) == (size) ? 1 : -1];
#define FIELD(type, field, offset, size)                                                           \
    typedef char place_of_##type##_##field[offsetof(type, field) == (offset) ? 1 : -1];            \
    typedef char size_of_##type##_##field[sizeof(((type *)0)->field) == (size) ? 1 : -1];
#include "layout_table.h"
#undef SIZE
#undef FIELD

struct place {
    const char *type;
    const char *field;
    size_t offset;
    size_t size;
};

/* The rows of a struct add up to its size: no field is missing from the table, and none is padded. */
static void check_whole(const struct place *rows, size_t count, const char *type, size_t size)
{
    size_t next = 0;
    size_t n;
    for (n = 0; n < count; n++) {
        if (strcmp(rows[n].type, type) == 0) {
            CHECK_INT(rows[n].offset, next);
            next += rows[n].size;
        }
    }
    CHECK_INT(next, size);
    CHECK_INT(size % 8, 0);
}

int main(void)
{
    static const struct place rows[] = {
#define SIZE(type, size)
#define FIELD(type, field, offset, size) {#type, #field, (offset), (size)},
#include "layout_table.h"
#undef SIZE
#undef FIELD
    };
    size_t count = sizeof rows / sizeof rows[0];

    PROMISE("sizes and offsets of all fields are those of layout.txt");
    CHECK(count > 100);
    PROMISE("every struct is whole in layout.txt, without padding, and a multiple of 8 bytes long");
#define SIZE(type, size) check_whole(rows, count, #type, (size));
#define FIELD(type, field, offset, size)
#include "layout_table.h"
#undef SIZE
#undef FIELD
    PROMISE("every struct begins with struct_size");
    {
        size_t n;
        for (n = 0; n < count; n++) {
            CHECK((rows[n].offset == 0) == (strcmp(rows[n].field, "struct_size") == 0));
        }
    }
    PROMISE("the enums have four bytes");
    CHECK_INT(sizeof(sonset_result), 4);
    CHECK_INT(sizeof(sonset_backend), 4);
    CHECK_INT(sizeof(sonset_direction), 4);
    CHECK_INT(sizeof(sonset_clock), 4);
    CHECK_INT(sizeof(sonset_start_mode), 4);
    CHECK_INT(sizeof(sonset_after_policy), 4);
    CHECK_INT(sizeof(sonset_late_policy), 4);
    CHECK_INT(sizeof(sonset_ramp_shape), 4);
    CHECK_INT(sizeof(sonset_align), 4);
    CHECK_INT(sizeof(sonset_waveform), 4);
    CHECK_INT(sizeof(sonset_noise_spectrum), 4);
    CHECK_INT(sizeof(sonset_noise_distribution), 4);
    CHECK_INT(sizeof(sonset_pulse_code), 4);
    CHECK_INT(sizeof(sonset_action_kind), 4);
    CHECK_INT(sizeof(sonset_action_state), 4);
    CHECK_INT(sizeof(sonset_outcome), 4);
    CHECK_INT(sizeof(sonset_stream_state), 4);
    CHECK_INT(sizeof(sonset_channel_role), 4);
    CHECK_INT(sizeof(sonset_latency_source), 4);
    CHECK_INT(sizeof(sonset_granted), 4);
    CHECK_INT(sizeof(sonset_share_mode), 4);
    DONE();
}
