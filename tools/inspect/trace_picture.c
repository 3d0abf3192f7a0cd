/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The timeline. Time goes from left to right, in columns; a trace without times has one record
 * after the other. A lane for each unit: what it was told, and what it did not do in time. Two for
 * each domain: how much is mapped, and how many unmaps are not confirmed, in red while something is
 * withheld; one that would be empty is left out. One for faults. However long the trace, a lane has
 * no more shapes than columns.
 */
#include "trace_picture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "numbers.h"
#include "trace_tally.h"

#define COLUMNS  1000U
#define LEFT     180U /* of the columns: names */
#define RIGHT    20U
#define HEAD     64U /* title, legend and axis */
#define LANE     46U /* of a lane with its distance */
#define HEIGHT   36U /* of its drawing */
#define LANES    9U  /* of units, and of domains: the busiest */
#define DURATION 32U /* characters */

/* What there is in each column of a lane. */
struct column {
	uint64_t value;
	bool is_bad; /* something failed, or is withheld */
};

struct lane {
	uint64_t number; /* of the unit or the domain */
	uint64_t events;
	struct column columns[COLUMNS];
};

struct picture {
	FILE *file;
	const struct trace_file *trace;
	uint64_t begin, span; /* of time; or of records */
	struct lane *units, *mapped, *waiting, *faults;
	size_t unit_count, domain_count;
	size_t units_in_all, domains_in_all;
	unsigned int y;
};

/* --- Columns ---------------------------------------------------------------------------------- */

static size_t column_at(const struct picture *picture, uint64_t at)
{
	const uint64_t since = at > picture->begin ? at - picture->begin : 0;
	uint64_t column;

	if (picture->span < UINT64_MAX / COLUMNS && since <= picture->span)
		column = since * COLUMNS / (picture->span + 1);
	else
		column = since / (picture->span / COLUMNS + 1);
	return column < COLUMNS ? (size_t)column : COLUMNS - 1;
}

static uint64_t when(const struct picture *picture, const struct iommu_trace_event *event,
		     size_t number)
{
	return picture->trace->has_clock ? event->time_ns : number;
}

static struct lane *lane_of(struct lane *lanes, size_t count, uint64_t number)
{
	for (size_t i = 0; i < count; i++)
		if (lanes[i].number == number)
			return &lanes[i];
	return NULL;
}

/* --- Who gets a lane -------------------------------------------------------------------------- */

struct busy {
	uint64_t number, events;
};

static int compare_busy(const void *a, const void *b)
{
	const struct busy *left = a, *right = b;

	if (left->events != right->events)
		return left->events > right->events ? -1 : 1;
	return left->number < right->number ? -1 : left->number > right->number ? 1 : 0;
}

static int compare_numbers(const void *a, const void *b)
{
	const struct lane *left = a, *right = b;

	return left->number < right->number ? -1 : left->number > right->number ? 1 : 0;
}

/* The busiest, in order of their numbers; returns how many. */
static size_t make_lanes(struct lane *lanes, struct busy *busy, size_t count)
{
	const size_t taken = count < LANES ? count : LANES;

	if (count == 0)
		return 0;
	qsort(busy, count, sizeof(*busy), compare_busy);
	for (size_t i = 0; i < taken; i++) {
		lanes[i].number = busy[i].number;
		lanes[i].events = busy[i].events;
	}
	qsort(lanes, taken, sizeof(*lanes), compare_numbers);
	return taken;
}

static void choose_lanes(struct picture *picture, const struct tally *tally)
{
	struct busy *busy = heap_zeroed(TALLY_DOMAINS_MAX + 2, sizeof(*busy));

	for (size_t i = 0; i < tally->unit_count; i++)
		busy[i] = (struct busy){tally->units[i].number, tally->units[i].batches};
	picture->units_in_all = tally->unit_count;
	picture->unit_count = make_lanes(picture->units, busy, tally->unit_count);
	for (size_t i = 0; i < tally->domain_count; i++)
		busy[i] = (struct busy){tally->domains[i].number,
					tally->domains[i].maps + tally->domains[i].unmaps};
	picture->domains_in_all = tally->domain_count;
	picture->domain_count = make_lanes(picture->mapped, busy, tally->domain_count);
	for (size_t i = 0; i < picture->domain_count; i++)
		picture->waiting[i].number = picture->mapped[i].number;
	free(busy);
}

/* --- What is in them -------------------------------------------------------------------------- */

static void most(struct column *column, uint64_t value)
{
	if (value > column->value)
		column->value = value;
}

static void note_unit(struct picture *picture, const struct iommu_trace_event *event, size_t column)
{
	struct lane *lane = lane_of(picture->units, picture->unit_count, event->unit);

	if (lane == NULL)
		return;
	if (event->type == IOMMU_TRACE_INVALIDATE)
		lane->columns[column].value += event->count;
	else if (event->status != 0)
		lane->columns[column].is_bad = true;
}

static bool withholds(const struct tally_domain *domain)
{
	for (size_t i = 0; i < domain->count && i < COLUMNS; i++)
		if (domain->waits[domain->first + i].is_withheld &&
		    !domain->waits[domain->first + i].is_over)
			return true;
	return domain->is_withheld_whole;
}

/* The state that holds from this column on, until another is noted. */
struct states {
	uint64_t live[LANES], waiting[LANES];
	bool is_bad[LANES];
	size_t column;
};

static void go_to(struct picture *picture, struct states *states, size_t column)
{
	for (; states->column < column; states->column++)
		for (size_t i = 0; i < picture->domain_count; i++) {
			struct column *next = &picture->waiting[i].columns[states->column + 1];

			most(&picture->mapped[i].columns[states->column + 1], states->live[i]);
			most(next, states->waiting[i]);
			next->is_bad = next->is_bad || states->is_bad[i];
		}
}

static void note_domain(struct picture *picture, struct states *states, struct tally *tally,
			uint32_t number, size_t column)
{
	const struct lane *lane = lane_of(picture->mapped, picture->domain_count, number);
	const size_t at = lane == NULL ? 0 : (size_t)(lane - picture->mapped);

	if (lane == NULL)
		return;
	for (size_t i = 0; i < tally->domain_count; i++) {
		const struct tally_domain *domain = &tally->domains[i];

		if (domain->number != number)
			continue;
		states->live[at] = domain->live_bytes;
		states->waiting[at] = domain->open;
		states->is_bad[at] = withholds(domain);
		most(&picture->mapped[at].columns[column], domain->live_bytes);
		most(&picture->waiting[at].columns[column], domain->open);
		if (states->is_bad[at])
			picture->waiting[at].columns[column].is_bad = true;
		return;
	}
}

static void collect(struct picture *picture)
{
	struct states states = {{0}, {0}, {false}, 0};
	struct iommu_trace_event event;
	struct tally tally;

	tally_begin(&tally);
	for (size_t i = 0; i < picture->trace->count; i++) {
		size_t column;

		if (!trace_file_get(picture->trace, i, &event))
			continue;
		column = column_at(picture, when(picture, &event, i));
		go_to(picture, &states, column);
		tally_add(&tally, &event, i);
		if (event.type == IOMMU_TRACE_FAULT) {
			picture->faults->columns[column].value++;
			picture->faults->columns[column].is_bad = true;
			picture->faults->events++;
		} else if (event.unit != 0 && (event.type == IOMMU_TRACE_INVALIDATE ||
					       event.type == IOMMU_TRACE_CONFIRM)) {
			note_unit(picture, &event, column);
		} else {
			note_domain(picture, &states, &tally, event.domain, column);
		}
	}
	go_to(picture, &states, COLUMNS - 1);
	tally_end(&tally);
}

/* --- Drawing ---------------------------------------------------------------------------------- */

static void put(const struct picture *picture, unsigned int x, unsigned int y, const char *anchor,
		const char *text)
{
	(void)fprintf(picture->file, "<text x=\"%u\" y=\"%u\" text-anchor=\"%s\">%s</text>\n", x, y,
		      anchor, text);
}

/* A duration with the unit in which it is short, as "1.25 ms". */
static char *duration(char text[DURATION], uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *name;
	} units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};
	unsigned int i = 0;
	int length;

	while (i < 3 && ns < units[i].ns)
		i++;
	length = snprintf(text, DURATION, "%" PRIu64 ".%02" PRIu64, ns / units[i].ns,
			  units[i].ns >= 100 ? ns % units[i].ns / (units[i].ns / 100) : 0);
	while (length > 0 && (text[length - 1] == '0' || text[length - 1] == '.')) {
		const bool is_point = text[length - 1] == '.';

		length--;
		if (is_point)
			break;
	}
	if (length > 0)
		(void)snprintf(text + length, DURATION - (size_t)length, " %s", units[i].name);
	return text;
}

/* A step of 1, 2 or 5 times a power of ten, of which at most ten fit. */
static uint64_t step_of(uint64_t span)
{
	uint64_t ten = 1;

	while (ten <= span / 100)
		ten *= 10;
	if (span / ten <= 10)
		return ten;
	if (span / ten / 2 <= 10)
		return 2 * ten;
	return span / ten / 5 <= 10 ? 5 * ten : 10 * ten;
}

static void draw_axis(const struct picture *picture, unsigned int bottom)
{
	const uint64_t span = picture->span == 0 ? 1 : picture->span;
	const uint64_t step = step_of(span);

	for (uint64_t at = 0; at <= span; at += step) {
		const unsigned int x = LEFT + (unsigned int)column_at(picture, picture->begin + at);
		char text[DURATION];

		(void)fprintf(picture->file,
			      "<line x1=\"%u\" y1=\"%u\" x2=\"%u\" y2=\"%u\" stroke=\"#ddd\"/>\n",
			      x, HEAD - 4, x, bottom);
		if (picture->trace->has_clock)
			(void)duration(text, at);
		else
			(void)snprintf(text, sizeof(text), "record %" PRIu64, at);
		put(picture, x, HEAD - 8, "middle", at == 0 ? "0" : text);
		if (at > UINT64_MAX - step)
			break;
	}
}

static uint64_t largest_of(const struct lane *lane)
{
	uint64_t largest = 0;

	for (size_t i = 0; i < COLUMNS; i++)
		if (lane->columns[i].value > largest)
			largest = lane->columns[i].value;
	return largest;
}

/* Of the lane's height; what is not nothing is seen. */
static unsigned int height_of(uint64_t value, uint64_t largest)
{
	uint64_t height;

	if (value == 0 || largest == 0)
		return 0;
	while (largest > UINT64_MAX / HEIGHT) {
		largest /= 2;
		value /= 2;
	}
	height = value * HEIGHT / largest;
	return height == 0 ? 1 : (unsigned int)height;
}

/* Of what is bad all of the lane is red where there is nothing else to be red. */
static unsigned int height_at(const struct column *column, uint64_t largest, bool is_red)
{
	const unsigned int height = height_of(column->value, largest);

	return height == 0 && is_red && column->is_bad ? HEIGHT : height;
}

/* Neighbouring columns of one height are one shape. */
static void draw_columns(const struct picture *picture, const struct lane *lane, const char *colour,
			 bool is_red)
{
	const uint64_t largest = largest_of(lane);
	size_t at = 0;

	while (at < COLUMNS) {
		const unsigned int height = height_at(&lane->columns[at], largest, is_red);
		const bool is_bad = is_red && lane->columns[at].is_bad;
		size_t end = at + 1;

		while (end < COLUMNS && height_at(&lane->columns[end], largest, is_red) == height &&
		       (is_red && lane->columns[end].is_bad) == is_bad)
			end++;
		if (height != 0)
			(void)fprintf(picture->file,
				      "<rect x=\"%zu\" y=\"%u\" width=\"%zu\" height=\"%u\" "
				      "fill=\"%s\"/>\n",
				      LEFT + at, picture->y + HEIGHT - height, end - at, height,
				      is_bad ? "#c22" : colour);
		at = end;
	}
}

static void end_lane(struct picture *picture, const char *name, const char *measure)
{
	put(picture, LEFT - 8, picture->y + 15, "end", name);
	put(picture, LEFT - 8, picture->y + 30, "end", measure);
	(void)fprintf(picture->file,
		      "<line x1=\"%u\" y1=\"%u\" x2=\"%u\" y2=\"%u\" stroke=\"#888\"/>\n", LEFT,
		      picture->y + HEIGHT, LEFT + COLUMNS, picture->y + HEIGHT);
	picture->y += LANE;
}

static void draw_unit(struct picture *picture, const struct lane *lane)
{
	char name[64], measure[64];

	draw_columns(picture, lane, "#36a", true);
	(void)snprintf(name, sizeof(name), "unit %" PRIu64 ": commands", lane->number);
	(void)snprintf(measure, sizeof(measure), "up to %" PRIu64 " in a column", largest_of(lane));
	end_lane(picture, name, measure);
}

/* A lane without a shape is left out. */
static bool is_empty(const struct lane *lane)
{
	for (size_t i = 0; i < COLUMNS; i++)
		if (lane->columns[i].value != 0 || lane->columns[i].is_bad)
			return false;
	return true;
}

static void draw_mapped(struct picture *picture, const struct lane *lane)
{
	char name[64], measure[64], size[NUMBERS_SIZE_TEXT];

	if (is_empty(lane))
		return;
	draw_columns(picture, lane, "#6a6", false);
	(void)snprintf(name, sizeof(name), "domain %" PRIu64 ": mapped", lane->number);
	(void)snprintf(measure, sizeof(measure), "up to %s", numbers_size(size, largest_of(lane)));
	end_lane(picture, name, measure);
}

static void draw_waiting(struct picture *picture, const struct lane *lane)
{
	const uint64_t largest = largest_of(lane);
	char name[64], measure[64];

	if (is_empty(lane))
		return;
	draw_columns(picture, lane, "#d90", true);
	(void)snprintf(name, sizeof(name), "domain %" PRIu64 ": not confirmed", lane->number);
	/* What is withheld need not be of an unmap that was recorded. */
	(void)snprintf(measure, sizeof(measure),
		       largest == 0 ? "something is withheld" : "up to %" PRIu64 " unmap%s",
		       largest, largest == 1 ? "" : "s");
	end_lane(picture, name, measure);
}

static unsigned int count_lanes(const struct picture *picture)
{
	unsigned int lanes = (unsigned int)picture->unit_count;

	for (size_t i = 0; i < picture->domain_count; i++)
		lanes += (is_empty(&picture->mapped[i]) ? 0U : 1U) +
			 (is_empty(&picture->waiting[i]) ? 0U : 1U);
	return lanes + (picture->faults->events != 0 ? 1 : 0);
}

static void draw_legend(const struct picture *picture)
{
	static const struct {
		const char *colour, *text;
	} parts[] = {{"#36a", "commands given to a unit"},
		     {"#6a6", "bytes mapped"},
		     {"#d90", "unmaps that wait for hardware"},
		     {"#c22", "withheld, not executed, or a fault"}};
	unsigned int x = LEFT;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		(void)fprintf(picture->file,
			      "<rect x=\"%u\" y=\"26\" width=\"11\" height=\"11\" fill=\"%s\"/>\n",
			      x, parts[i].colour);
		put(picture, x + 16, 36, "start", parts[i].text);
		x += 40 + 7 * (unsigned int)strlen(parts[i].text);
	}
}

static void draw(struct picture *picture)
{
	const bool are_all = picture->units_in_all == picture->unit_count &&
			     picture->domains_in_all == picture->domain_count;
	const unsigned int bottom = HEAD + count_lanes(picture) * LANE;
	char text[160], span[DURATION];

	(void)fprintf(picture->file,
		      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
		      "font-family=\"sans-serif\" font-size=\"12\">\n"
		      "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		      LEFT + COLUMNS + RIGHT, bottom + 8);
	(void)snprintf(text, sizeof(text), "%zu records, %s%s", picture->trace->count,
		       picture->trace->has_clock ? duration(span, picture->span) : "without times",
		       are_all ? "" : "; the busiest units and domains");
	put(picture, LEFT, 16, "start", text);
	draw_legend(picture);
	draw_axis(picture, bottom);
	for (size_t i = 0; i < picture->unit_count; i++)
		draw_unit(picture, &picture->units[i]);
	for (size_t i = 0; i < picture->domain_count; i++) {
		draw_mapped(picture, &picture->mapped[i]);
		draw_waiting(picture, &picture->waiting[i]);
	}
	if (picture->faults->events != 0) {
		draw_columns(picture, picture->faults, "#c22", true);
		(void)snprintf(text, sizeof(text), "%" PRIu64 " in all", picture->faults->events);
		end_lane(picture, "faults", text);
	}
	(void)fputs("</svg>\n", picture->file);
}

static void count_all(struct tally *tally, const struct trace_file *trace)
{
	struct iommu_trace_event event;

	tally_begin(tally);
	for (size_t i = 0; i < trace->count; i++)
		if (trace_file_get(trace, i, &event))
			tally_add(tally, &event, i);
}

void trace_picture_draw(FILE *file, const struct trace_file *trace)
{
	struct picture picture = {.file = file, .trace = trace, .y = HEAD};
	struct tally tally;

	picture.begin = trace->has_clock ? trace->first_ns : 0;
	picture.span = trace->has_clock ? trace->last_ns - trace->first_ns : trace->count;
	picture.units = heap_zeroed(LANES, sizeof(*picture.units));
	picture.mapped = heap_zeroed(LANES, sizeof(*picture.mapped));
	picture.waiting = heap_zeroed(LANES, sizeof(*picture.waiting));
	picture.faults = heap_zeroed(1, sizeof(*picture.faults));
	count_all(&tally, trace);
	choose_lanes(&picture, &tally);
	tally_end(&tally);
	collect(&picture);
	draw(&picture);
	free(picture.units);
	free(picture.mapped);
	free(picture.waiting);
	free(picture.faults);
}
