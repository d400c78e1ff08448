/* Draws a recording and the onsets in it as an SVG file, for the examples. */
#ifndef PICTURE_H
#define PICTURE_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>

/* The onsets of one sound, in frames of the recording; negative ones are not drawn. */
typedef struct {
    int64_t requested;
    int64_t actual;
    int64_t heard;
} picture_mark;

enum { PICTURE_WIDTH = 1000, PICTURE_HEIGHT = 320, PICTURE_LEFT = 40, PICTURE_TOP = 60 };

static double picture_x(int64_t frame, int64_t frames)
{
    return PICTURE_LEFT + (double)frame / frames * (PICTURE_WIDTH - 2 * PICTURE_LEFT);
}

/* One vertical line for the range of samples in each column. */
static void picture_wave(FILE *file, const float *samples, int64_t frames)
{
    int columns = PICTURE_WIDTH - 2 * PICTURE_LEFT;
    double middle = PICTURE_TOP + (PICTURE_HEIGHT - 2.0 * PICTURE_TOP) / 2, scale = middle - PICTURE_TOP;
    fprintf(file, "<path stroke=\"#456\" d=\"");
    for (int column = 0; column < columns; column++) {
        int64_t from = frames * column / columns, to = frames * (column + 1) / columns;
        float low = 0, high = 0;
        for (int64_t i = from; i < to; i++) {
            low = fminf(low, samples[i]);
            high = fmaxf(high, samples[i]);
        }
        fprintf(file, "M%d %.1fV%.1f", PICTURE_LEFT + column, middle - scale * high - 0.3,
                middle - scale * low + 0.3);
    }
    fprintf(file, "\"/>\n");
}

static void picture_line(FILE *file, double x, int top, int bottom, const char *style)
{
    fprintf(file, "<path d=\"M%.2f %dV%d\" %s/>\n", x, top, bottom, style);
}

/* Writes the picture; 0, or -1 if the file cannot be written. */
static int picture_write(const char *path, const float *samples, int64_t frames, int64_t rate,
                         const picture_mark *marks, int count)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return -1;
    int bottom = PICTURE_HEIGHT - PICTURE_TOP;
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
            "font-size=\"13\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
            PICTURE_WIDTH, PICTURE_HEIGHT);
    fprintf(file,
            "<text x=\"%d\" y=\"24\">Onsets: <tspan fill=\"#d80\">requested</tspan> and "
            "<tspan fill=\"#c03\">actual (receipt)</tspan> frame of the recording; the triangle is the "
            "first sound heard in it</text>\n",
            PICTURE_LEFT);
    picture_wave(file, samples, frames);
    for (int i = 0; i < count; i++) {
        if (marks[i].requested >= 0)
            picture_line(file, picture_x(marks[i].requested, frames), PICTURE_TOP - 20, bottom,
                         "stroke=\"#d80\" stroke-width=\"3\"");
        if (marks[i].actual >= 0)
            picture_line(file, picture_x(marks[i].actual, frames), PICTURE_TOP, bottom + 20,
                         "stroke=\"#c03\"");
        if (marks[i].heard >= 0)
            fprintf(file, "<path d=\"M%.2f %dl-5 9h10z\"/>\n", picture_x(marks[i].heard, frames), bottom + 4);
        fprintf(file, "<text x=\"%.2f\" y=\"%d\">%lld: actual %+lld, heard %+lld</text>\n",
                picture_x(marks[i].requested, frames) + 6, PICTURE_TOP - 10, (long long)marks[i].requested,
                (long long)(marks[i].actual - marks[i].requested),
                (long long)(marks[i].heard - marks[i].requested));
    }
    for (int64_t second = 0; second * rate <= frames; second++)
        fprintf(file, "<text x=\"%.2f\" y=\"%d\" fill=\"#666\">%lld s</text>\n",
                picture_x(second * rate, frames), PICTURE_HEIGHT - 12, (long long)second);
    fprintf(file, "</svg>\n");
    return fclose(file) == 0 ? 0 : -1;
}

#endif
