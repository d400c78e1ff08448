/* WAV files: what is saved comes back bit for bit, and what is no readable WAV file says why. */
#include "check.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

static const char *path_of(const char *name)
{
    static char path[320];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

struct bytes {
    unsigned char data[16384];
    size_t count;
};

static void put(struct bytes *bytes, uint32_t value, int size)
{
    int n;
    for (n = 0; n < size; n++) bytes->data[bytes->count++] = (unsigned char)(value >> (8 * n));
}

static void put_text(struct bytes *bytes, const char *text)
{
    memcpy(bytes->data + bytes->count, text, strlen(text));
    bytes->count += strlen(text);
}

/* The header of a file with `size` bytes of samples. format is 1 for PCM and 3 for float. */
static void put_header(struct bytes *bytes, int format, int channels, uint32_t rate, int bits, uint32_t size)
{
    bytes->count = 0;
    put_text(bytes, "RIFF");
    put(bytes, 36 + size, 4);
    put_text(bytes, "WAVEfmt ");
    put(bytes, 16, 4);
    put(bytes, (uint32_t)format, 2);
    put(bytes, (uint32_t)channels, 2);
    put(bytes, rate, 4);
    put(bytes, rate * (uint32_t)(channels * bits / 8), 4);
    put(bytes, (uint32_t)(channels * bits / 8), 2);
    put(bytes, (uint32_t)bits, 2);
    put_text(bytes, "data");
    put(bytes, size, 4);
}

static void write_bytes(const char *path, const void *data, size_t count)
{
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK(fwrite(data, 1, count, file) == count);
    CHECK(fclose(file) == 0);
}

static int32_t load(const struct bytes *bytes, sonset_buffer **buffer)
{
    const char *path = path_of("test.wav");
    *buffer = NULL;
    write_bytes(path, bytes->data, bytes->count);
    return sonset_buffer_load_file(path, buffer);
}

static void check_loads(const struct bytes *bytes, const float *expected, int64_t frames, int32_t channels)
{
    static float samples[4096];
    sonset_buffer *buffer;
    sonset_buffer_info info;
    int64_t n;
    OK(load(bytes, &buffer));
    memset(&info, 0, sizeof info);
    OK(sonset_buffer_get_info(buffer, &info));
    CHECK_INT(info.frames, frames);
    CHECK_INT(info.channels, channels);
    CHECK_INT(info.sample_rate_hz, 44100);
    OK(sonset_buffer_read(buffer, 0, frames, samples));
    for (n = 0; n < frames * channels; n++) CHECK_REAL(samples[n], expected[n]);
    sonset_buffer_release(buffer);
}

static void check_refused(const struct bytes *bytes, int32_t code)
{
    sonset_buffer *buffer;
    CHECK_CODE(code, load(bytes, &buffer));
    CHECK(buffer == NULL);
    CHECK_SAYS("test.wav");
}

static void test_depths(void)
{
    static const float values[] = {-1, 0, 0.5f, -0.5f};
    static struct bytes wav;

    PROMISE("8 bits: unsigned, 128 is silence, full scale is 1");
    put_header(&wav, 1, 1, 44100, 8, 4);
    put(&wav, 0x40C08000u, 4);
    check_loads(&wav, values, 4, 1);
    PROMISE("16 bits");
    put_header(&wav, 1, 2, 44100, 16, 8);
    put(&wav, 0x00008000u, 4);
    put(&wav, 0xC0004000u, 4);
    check_loads(&wav, values, 2, 2);
    PROMISE("24 bits");
    put_header(&wav, 1, 1, 44100, 24, 12);
    put(&wav, 0x800000u, 3);
    put(&wav, 0, 3);
    put(&wav, 0x400000u, 3);
    put(&wav, 0xC00000u, 3);
    check_loads(&wav, values, 4, 1);
    PROMISE("32 bits");
    put_header(&wav, 1, 1, 44100, 32, 16);
    put(&wav, 0x80000000u, 4);
    put(&wav, 0, 4);
    put(&wav, 0x40000000u, 4);
    put(&wav, 0xC0000000u, 4);
    check_loads(&wav, values, 4, 1);
    PROMISE("float, above full scale too");
    put_header(&wav, 3, 1, 44100, 32, 8);
    put(&wav, 0x40200000u, 4);
    put(&wav, 0x00000001u, 4);
    {
        static const float floats[] = {2.5f, 1.40129846432481707e-45f};
        check_loads(&wav, floats, 2, 1);
    }
    PROMISE("doubles are rounded to float");
    put_header(&wav, 3, 1, 44100, 64, 16);
    put(&wav, 0, 4);
    put(&wav, 0xBFE00000u, 4);
    put(&wav, 0xA0000000u, 4);
    put(&wav, 0x3FB99999u, 4);
    {
        static const float rounded[] = {-0.5f, 0.1f};
        check_loads(&wav, rounded, 2, 1);
    }
}

static void test_channels(void)
{
    static struct bytes wav;
    static float expected[200];
    int n;

    PROMISE("100 channels are read");
    put_header(&wav, 1, 100, 44100, 16, 400);
    for (n = 0; n < 200; n++) {
        put(&wav, (uint32_t)n, 2);
        expected[n] = (float)n / 32768;
    }
    check_loads(&wav, expected, 2, 100);
}

static void test_damage(void)
{
    static struct bytes wav;
    static struct bytes whole;
    size_t n;

    PROMISE("a file that is cut short anywhere is damaged");
    put_header(&whole, 1, 1, 44100, 16, 8);
    put(&whole, 0x40004000u, 4);
    put(&whole, 0x40004000u, 4);
    for (n = 0; n < whole.count; n++) {
        wav = whole;
        wav.count = n;
        check_refused(&wav, SONSET_ERROR_FILE_FORMAT);
    }
    PROMISE("a file without samples is refused as empty");
    put_header(&wav, 1, 1, 44100, 16, 0);
    check_refused(&wav, SONSET_ERROR_FILE_FORMAT);
    PROMISE("a text file is no WAV file");
    wav.count = 0;
    put_text(&wav, "This is a text, and it is longer than the header of a WAV file would be.\n");
    check_refused(&wav, SONSET_ERROR_FILE_FORMAT);
    PROMISE("samples of an unknown coding are refused, with the command that may convert them");
    put_header(&wav, 0x1234, 1, 44100, 8, 4);
    put(&wav, 0, 4);
    check_refused(&wav, SONSET_ERROR_FILE_FORMAT);
    CHECK_SAYS("ffmpeg -i");
    PROMISE("NaN and infinite samples are named by their place");
    put_header(&wav, 3, 1, 44100, 32, 8);
    put(&wav, 0, 4);
    put(&wav, 0x7FC00000u, 4);
    check_refused(&wav, SONSET_ERROR_NON_FINITE);
    CHECK_SAYS("frame 1");
    put_header(&wav, 3, 1, 44100, 32, 4);
    put(&wav, 0xFF800000u, 4);
    check_refused(&wav, SONSET_ERROR_NON_FINITE);
}

static void test_paths(void)
{
    sonset_buffer *buffer = NULL;
    PROMISE("a missing file is not found, and a folder is no WAV file");
    CHECK_CODE(SONSET_ERROR_FILE_NOT_FOUND, sonset_buffer_load_file(path_of("missing.wav"), &buffer));
    CHECK_SAYS("missing.wav");
    CHECK_CODE(SONSET_ERROR_FILE_FORMAT, sonset_buffer_load_file(folder, &buffer));
    CHECK_SAYS("folder");
    CHECK(buffer == NULL);
}

/* saved.wav has 10 frames at 48000 Hz. */
static void check_converted(void)
{
    sonset_buffer *loaded;
    sonset_buffer *converted;
    sonset_buffer_info info;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    OK(sonset_buffer_load_file_at(path_of("saved.wav"), 96000, 1, &loaded));
    OK(sonset_buffer_get_info(loaded, &info));
    CHECK_INT(info.sample_rate_hz, 96000);
    CHECK_INT(info.resampled_from_hz, 48000);
    CHECK_REAL(info.file_rate_hz, 48000);
    CHECK_INT(info.frames, 20);
    OK(sonset_buffer_resample(loaded, 24000, &converted));
    OK(sonset_buffer_get_info(converted, &info));
    CHECK_INT(info.sample_rate_hz, 24000);
    CHECK_INT(info.resampled_from_hz, 96000);
    CHECK_INT(info.frames, 5);
    sonset_buffer_release(converted);
    sonset_buffer_release(loaded);
    OK(sonset_buffer_load_file_at(path_of("saved.wav"), 48000, 0, &loaded));
    OK(sonset_buffer_get_info(loaded, &info));
    CHECK_INT(info.resampled_from_hz, 0);
    CHECK_INT(info.frames, 10);
    sonset_buffer_release(loaded);
    CHECK_CODE(SONSET_ERROR_INVALID_ARGUMENT, sonset_buffer_load_file_at(path_of("saved.wav"), 0, 2, &loaded));
    CHECK_SAYS("track 2");
}

static void test_saving(void)
{
    static float samples[500 * 3];
    static float back[500 * 3];
    uint32_t bits = 1;
    sonset_buffer *buffer;
    sonset_buffer *loaded = NULL;
    sonset_buffer *with_rate = NULL;
    sonset_buffer_info info;
    struct stat status;
    int n;

    PROMISE("what is saved comes back with every bit, denormals and signed zeros included");
    for (n = 0; n < 500 * 3; n++) {
        bits = bits * 1664525u + 1013904223u;
        if ((bits & 0x7F800000u) == 0x7F800000u) bits ^= 0x40000000u;
        memcpy(&samples[n], &bits, 4);
    }
    samples[0] = -0.0f;
    buffer = buffer_of(samples, 500, 3);
    OK(sonset_buffer_save_file(buffer, path_of("saved.wav"), 96000));
    OK(sonset_buffer_load_file(path_of("saved.wav"), &loaded));
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    OK(sonset_buffer_get_info(loaded, &info));
    CHECK_INT(info.sample_rate_hz, 96000);
    CHECK_INT(info.frames, 500);
    CHECK_INT(info.channels, 3);
    CHECK_REAL(info.file_rate_hz, 96000);
    CHECK_INT(info.length_from_end_of_file, 0);
    OK(sonset_buffer_read(loaded, 0, 500, back));
    CHECK(memcmp(samples, back, sizeof samples) == 0);
    PROMISE("a file that exists is replaced, and nothing else is left beside it");
    OK(sonset_buffer_create(samples, 10, 1, 48000, &with_rate));
    OK(sonset_buffer_save_file(with_rate, path_of("saved.wav"), 0));
    CHECK(stat(path_of("saved.wav"), &status) == 0);
    CHECK(status.st_size < 200);
    PROMISE("a rate is needed, and it is the buffer's");
    CHECK_CODE(SONSET_ERROR_INVALID_ARGUMENT, sonset_buffer_save_file(buffer, path_of("no.wav"), 0));
    CHECK_CODE(SONSET_ERROR_INVALID_ARGUMENT, sonset_buffer_save_file(with_rate, path_of("no.wav"), 44100));
    CHECK_SAYS("48000");
    OK(sonset_buffer_save_file(with_rate, path_of("saved.wav"), 48000));
    PROMISE("a file is loaded at the rate asked for, and the buffer says from which it was converted");
    check_converted();
    PROMISE("saving over a folder fails and leaves nothing behind");
    CHECK_CODE(SONSET_ERROR_FILE_IO, sonset_buffer_save_file(with_rate, folder, 0));
    CHECK(stat(path_of("no.wav"), &status) != 0);
    sonset_buffer_release(buffer);
    sonset_buffer_release(loaded);
    sonset_buffer_release(with_rate);
}

static int is_documented(int32_t result)
{
    switch (result) {
    case SONSET_OK:
    case SONSET_ERROR_FILE_NOT_FOUND:
    case SONSET_ERROR_FILE_FORMAT:
    case SONSET_ERROR_NON_FINITE:
    case SONSET_ERROR_FILE_IO:
    case SONSET_ERROR_OUT_OF_MEMORY:
    case SONSET_ERROR_NULL_POINTER: return 1;
    default: return 0;
    }
}

/* Each byte of the header, with several values in turn. */
static void test_every_header_byte(void)
{
    static const unsigned char values[] = {0, 1, 2, 3, 8, 16, 17, 24, 64, 127, 128, 254, 255};
    static struct bytes whole;
    size_t place;
    size_t n;

    PROMISE("a header with any byte wrong is read or refused by a documented code");
    put_header(&whole, 1, 2, 44100, 16, 8);
    put(&whole, 0x40004000u, 4);
    put(&whole, 0x40004000u, 4);
    for (place = 0; place < 44; place++) {
        for (n = 0; n < sizeof values; n++) {
            struct bytes *wav = malloc(sizeof *wav);
            sonset_buffer *buffer;
            int32_t result;
            *wav = whole;
            wav->data[place] = values[n];
            result = load(wav, &buffer);
            free(wav);
            if (!is_documented(result)) {
                printf("        byte %d of the header set to %d\n", (int)place, values[n]);
                CHECK_CODE(SONSET_ERROR_FILE_FORMAT, result);
            }
            sonset_buffer_release(buffer);
        }
    }
}

static void test_shapes_that_no_buffer_has(void)
{
    static struct bytes wav;
    sonset_buffer *buffer = constant(0.5f, 4);

    PROMISE("300 channels are of a kind that is not read");
    put_header(&wav, 1, 300, 44100, 8, 600);
    memset(wav.data + wav.count, 128, 600);
    wav.count += 600;
    check_refused(&wav, SONSET_ERROR_FILE_FORMAT);
    PROMISE("so are rates that no buffer can have, 0 among them");
    put_header(&wav, 1, 1, 500, 16, 4);
    put(&wav, 0, 4);
    check_refused(&wav, SONSET_ERROR_FILE_FORMAT);
    put_header(&wav, 1, 1, 1000000, 16, 4);
    put(&wav, 0, 4);
    check_refused(&wav, SONSET_ERROR_FILE_FORMAT);
    put_header(&wav, 1, 1, 0, 16, 4);
    put(&wav, 0, 4);
    check_refused(&wav, SONSET_ERROR_FILE_FORMAT);
    PROMISE("saving where there is no folder is an error of the file system");
    CHECK_CODE(SONSET_ERROR_FILE_IO, sonset_buffer_save_file(buffer, path_of("nowhere/a.wav"), RATE));
    sonset_buffer_release(buffer);
}

int main(void)
{
    make_folder(folder, sizeof folder);
    test_depths();
    test_channels();
    test_damage();
    test_paths();
    test_saving();
    test_every_header_byte();
    test_shapes_that_no_buffer_has();
    remove(path_of("test.wav"));
    remove(path_of("saved.wav"));
    /* Fails, and shows, if anything else was left in it. */
    PROMISE("no file is left behind");
    CHECK(rmdir(folder) == 0);
    DONE();
}
