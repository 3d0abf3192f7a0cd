/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest with a table of its own may do to its host: first stages of any bytes, nested on the
 * manager's mappings, their invalidations in any form, virtual units and devices, page requests and
 * their answers, faults as events.
 *
 * Whatever the guest's table says, a device reaches only frames that the manager has mapped in the
 * parent, and has not unmapped with a call that returned 0. Every group of page requests is
 * answered exactly once, when all is taken down at the latest; one that is cut in two, because what
 * the device was attached to went in its middle, has an answer for each part. Queues give back no
 * more than was put in, and objects that are used by others are not destroyed.
 */
#include <libiommu/hw/vtd_page_request.h>
#include <libiommu/vtd.h>

#include "base/byteorder.h"
#include "fuzz.h"
#include "ioas_fixture.h"
#include "test_contract.h"

#define GUEST_PAGES 16U /* of the guest's tables, at guest address GUEST */
#define GUEST       0x10000000ULL
#define FRAMES      32U
#define BASE        0x20000000ULL /* guest address of the frames */
#define NESTED      3U
#define DEVICES     3U /* behind one unit or two */
#define PASIDS      3U /* none, and two */
#define OPERATIONS  120U
#define COOKIES     8U
#define REQUESTS    8U /* that a device may have outstanding: of the fixture */
#define FEATURES    (EVERYTHING | IOMMU_MODEL_VTD_PAGE_REQUESTS | IOMMU_MODEL_VTD_DEVICE_TLB)

static struct {
	struct fuzz_bytes input;
	struct test_memory tables; /* the guest's, which are memory that is mapped, too */
	iommu_paddr_t tables_at;
	uint32_t parent, nested[NESTED], unit, virtual_device[2], faults, events;
	uint64_t may;     /* frames that are mapped in the parent, or may be */
	bool tables_away; /* the guest's tables were unmapped */
	uint32_t cookies[COOKIES];
	unsigned int cookie_count;
	unsigned int groups[DEVICES]; /* of requests, to their end */
	unsigned int cuts[DEVICES];   /* … that may have had an answer before it */
	bool is_begun[DEVICES];       /* a group: its end is still to come */
	unsigned int sent[DEVICES];   /* requests since all were answered for certain */
	bool is_gone[DEVICES];        /* the endpoint */
	bool holds;                   /* a unit may hold a request back */
	unsigned int notified[2];     /* of page requests, and of events */
	bool is_troubled;
	bool is_improper; /* a device has used a number twice, or said that it stops */
} t;

static unsigned int below(unsigned int bound)
{
	return fuzz_below(&t.input, bound);
}

static int seen(int status)
{
	FUZZ_CHECK(status <= 0);
	if (status == IOMMU_ETIMEDOUT || status == IOMMU_EIO || status == IOMMU_ENOMEM)
		t.is_troubled = true;
	return status;
}

/* What a device is attached to goes, or all that waits: a group that is begun has its answer. */
static void cut_groups(void)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		t.cuts[i] += t.is_begun[i];
}

/* An object, or none of its kind. */
static uint32_t id_or_any(uint32_t id)
{
	return below(16) != 0 ? id : below(16);
}

static void look_at_tlb(unsigned int i)
{
	f.device[i]->has_tlb = !t.is_gone[i] && iommu_endpoint_uses_device_tlb(f.endpoint[i]);
}

/* --- The guest's tables ----------------------------------------------------------------------- */

/* A guest address: of its tables, of its memory, beyond both, or nowhere. */
static uint64_t any_guest_page(void)
{
	switch (below(4)) {
	case 0:
		return GUEST + ((uint64_t)below(GUEST_PAGES) << 12);
	case 1:
		return BASE + ((uint64_t)below(FRAMES + 4) << 12);
	case 2:
		return (uint64_t)below(64) << 12;
	default:
		return fuzz_wild(&t.input) & ~4095ULL;
	}
}

static void write_table(void)
{
	for (unsigned int count = 1 + below(8); count != 0; count--) {
		const size_t at = (size_t)below(GUEST_PAGES) * 4096 + (size_t)below(64) * 8;
		uint64_t entry = any_guest_page() | (fuzz_number(&t.input, 1) & 0xe7);

		entry = iommu_le64(entry);
		memcpy((uint8_t *)model_machine_bytes(&f.machine, t.tables_at) + at, &entry, 8);
	}
}

/* Page n of the tables is the table of level 4 - n; the last one maps all frames. */
static void write_good_tables(void)
{
	uint8_t *bytes = model_machine_bytes(&f.machine, t.tables_at);

	for (unsigned int level = 0; level < 3; level++) {
		const uint64_t entry = iommu_le64((GUEST + (level + 1) * 4096ULL) | 0x67);

		memcpy(bytes + (size_t)level * 4096, &entry, 8);
	}
	for (unsigned int i = 0; i < FRAMES; i++) {
		const uint64_t entry = iommu_le64((BASE + i * 4096ULL) | 0x67);

		memcpy(bytes + 3 * 4096 + (size_t)i * 8, &entry, 8);
	}
}

/*
 * A guest may lead its unit anywhere in its own memory: to frames, which hold no tables, and to its
 * tables, as data. A page that the driver has given back is not among it.
 */
static void forgive_guest(void)
{
	static const char *const texts[] = {"hardware read a table where there is no memory",
					    "a device reached a page that is not device memory",
					    "hardware noted an access where there is no table"};

	for (unsigned int i = 0; i < 3 && f.machine.violation != NULL; i++)
		if (strcmp(f.machine.violation, texts[i]) == 0)
			f.machine.violation = NULL;
}

/* Each page in turn, a few after each call. */
static void check(unsigned int round, unsigned int step)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		for (unsigned int page = round % step; page < 40; page += step)
			for (uint32_t pasid = 0; pasid < PASIDS; pasid++) {
				iommu_paddr_t paddr = 0;
				uint64_t frame;

				if (model_device_access_pasid(f.device[i], pasid,
							      (uint64_t)page << 12, 1 + (page & 1),
							      &paddr) != 0)
					continue;
				/*
				 * The tables themselves are the guest's memory, as long as they
				 * are.
				 */
				if (paddr - t.tables_at < GUEST_PAGES * 4096ULL) {
					FUZZ_CHECK(!t.tables_away);
					continue;
				}
				frame = (paddr - memory.base) >> 12;
				FUZZ_CHECK(frame < FRAMES && (t.may >> frame & 1) != 0);
				FUZZ_CHECK(memory.pinned[frame] != 0);
			}
	forgive_guest();
	if (f.machine.violation != NULL)
		fprintf(stderr, "# %s\n", f.machine.violation);
	FUZZ_CHECK(f.machine.violation == NULL);
	test_contract_no_lock(&f.machine, "a call");
}

/* --- What the manager does -------------------------------------------------------------------- */

static void map_frames(void)
{
	const unsigned int first = below(FRAMES), most = FRAMES - first, count = 1 + below(most);
	const struct iommu_backing backing = test_memory_at(&memory, (uint64_t)first << 12);
	iommu_iova_t iova = BASE + ((uint64_t)first << 12);
	const uint64_t mask = (count == 64 ? ~0ULL : (1ULL << count) - 1) << first;
	const int status =
		seen(iommu_ioas_map(ctx, ioas, &backing, (uint64_t)count << 12, FIXED, &iova));

	if (status == 0 || status == IOMMU_ETIMEDOUT || status == IOMMU_EIO)
		t.may |= mask;
}

static void unmap_frames(void)
{
	const unsigned int first = below(FRAMES), most = FRAMES - first, count = 1 + below(most);
	int status = seen(iommu_ioas_unmap(ctx, ioas, BASE + ((uint64_t)first << 12),
					   (uint64_t)count << 12, NULL));

	if (status == 0)
		t.may &= ~((count == 64 ? ~0ULL : (1ULL << count) - 1) << first);
	if (below(16) != 0)
		return;
	status = seen(iommu_ioas_unmap(ctx, ioas, GUEST, GUEST_PAGES * 4096, NULL));
	if (status == 0)
		t.tables_away = true;
}

static void make_nested(void)
{
	const unsigned int which = below(NESTED);
	struct {
		struct iommu_vtd_first_stage stage;
		uint64_t rest[2];
	} user = {.stage = {.table = below(4) != 0 ? GUEST : any_guest_page(),
			    .levels = 4 + (below(8) == 0 ? below(4) : 0),
			    .flags = below(4) == 0 ? (unsigned int)fuzz_number(&t.input, 2) : 0}};
	const struct iommu_hwpt_config config = {
		.flags = below(4) == 0 ? below(32) : IOMMU_HWPT_FAULTS | IOMMU_HWPT_PASID,
		.faults = t.faults,
		.user_data = &user,
		.user_size = below(8) == 0 ? below(32) : sizeof(user.stage),
		.user_type = below(8) == 0 ? IOMMU_HARDWARE_VTD : IOMMU_HARDWARE_NONE,
	};

	if (below(8) == 0)
		user.rest[below(2)] = 1;
	if (t.nested[which] != 0) {
		if (seen(iommu_object_destroy(ctx, t.nested[which])) == 0)
			t.nested[which] = 0;
		return;
	}
	if (seen(iommu_hwpt_alloc(ctx, device[below(DEVICES)],
				  id_or_any(below(2) != 0 || t.unit == 0 ? t.parent : t.unit),
				  &config, &t.nested[which])) != 0)
		t.nested[which] = 0;
}

static void move_device(void)
{
	const unsigned int i = below(DEVICES);
	const uint32_t pasid = below(4) == 0 ? below(PASIDS) : 0;
	const uint32_t to = below(4) != 0 ? t.nested[below(NESTED)] : t.parent;

	cut_groups();
	switch (below(3)) {
	case 0:
		(void)seen(iommu_device_attach(ctx, device[i], pasid, to, NULL));
		break;
	case 1:
		(void)seen(iommu_device_replace(ctx, device[i], pasid, to, NULL));
		break;
	default:
		(void)seen(iommu_device_detach(ctx, device[i], pasid));
		break;
	}
	look_at_tlb(i);
}

/* Of the host: ATS, without which no page request comes; or the device is taken away. */
static void change_device(void)
{
	const unsigned int i = below(DEVICES);
	const enum iommu_feature feature = below(4) == 0 ? IOMMU_FEATURE_PASID : IOMMU_FEATURE_ATS;

	if (t.is_gone[i])
		return;
	if (below(4) != 0)
		(void)seen(iommu_endpoint_enable_feature(f.endpoint[i], feature));
	else
		(void)seen(iommu_endpoint_disable_feature(f.endpoint[i], feature));
	if (i == 0 || below(8) != 0)
		return;
	cut_groups();
	if (seen(iommu_release_endpoint(f.endpoint[i])) != 0)
		return;
	t.is_gone[i] = true;
	f.endpoint[i] = NULL;
	look_at_tlb(i);
}

static void invalidate(void)
{
	struct {
		struct iommu_vtd_invalidation request;
		uint64_t rest;
	} requests[4];
	const unsigned int count = below(5);
	const size_t size = below(8) == 0         ? below(48)
			    : fuzz_flag(&t.input) ? sizeof(requests[0])
						  : sizeof(requests[0].request);
	unsigned int done = 0;
	int status;

	memset(requests, 0, sizeof(requests));
	for (unsigned int i = 0; i < 4; i++) {
		requests[i].request.address =
			below(2) == 0 ? (uint64_t)below(64) << 12 : fuzz_wild(&t.input);
		requests[i].request.pages =
			below(4) == 0 ? fuzz_wild(&t.input) : 1 + below(below(2) != 0 ? 4 : 1024);
		requests[i].request.flags = below(8) == 0 ? below(8) : below(2);
		requests[i].request.reserved = below(16) == 0;
		requests[i].rest = below(16) == 0;
		if (below(8) == 0)
			requests[i].request = (struct iommu_vtd_invalidation){0, UINT64_MAX, 0, 0};
	}
	/* Requests of another size lie as they lie: all within these bytes. */
	if (size * count > sizeof(requests))
		return;
	if (fuzz_flag(&t.input))
		status = seen(iommu_hwpt_invalidate(ctx, t.nested[below(NESTED)], requests, size,
						    count, &done));
	else if (fuzz_flag(&t.input))
		status = seen(iommu_virtual_unit_invalidate(ctx, id_or_any(t.unit), requests, size,
							    count, &done));
	else
		status = seen(iommu_virtual_unit_invalidate_as(ctx, id_or_any(t.unit),
							       below(4) != 0 ? IOMMU_HARDWARE_VTD
									     : IOMMU_HARDWARE_NONE,
							       requests, size, count, &done));
	FUZZ_CHECK(status == 0 ? done == count : done <= count);
}

/* Must not call the library. */
static void notify(void *context)
{
	++*(unsigned int *)context;
}

static void use_virtual_unit(void)
{
	uint32_t other = 0;
	unsigned int which;

	if (t.unit != 0 && below(8) != 0) {
		if (below(4) == 0)
			FUZZ_CHECK(iommu_virtual_unit_find(ctx, id_or_any(t.unit), below(4),
							   &other) != 0 ||
				   other != 0);
		which = below(2);
		if (t.virtual_device[which] == 0) {
			if (seen(iommu_virtual_device_alloc(ctx, id_or_any(t.unit),
							    id_or_any(device[below(DEVICES)]),
							    below(16) == 0 ? UINT64_MAX : below(4),
							    &t.virtual_device[which])) != 0)
				t.virtual_device[which] = 0;
		} else if (below(2) == 0 &&
			   seen(iommu_object_destroy(ctx, t.virtual_device[which])) == 0) {
			t.virtual_device[which] = 0;
		}
		return;
	}
	if (t.unit != 0 && seen(iommu_object_destroy(ctx, t.unit)) == 0)
		t.unit = 0;
	if (t.unit == 0 &&
	    seen(iommu_virtual_unit_alloc(
		    ctx, id_or_any(device[below(8) == 0 ? below(DEVICES) : 0]),
		    below(8) == 0 ? t.nested[below(NESTED)] : id_or_any(t.parent), &t.unit)) != 0)
		t.unit = 0;
	/* One that is not for this has no virtual unit. */
	if (below(8) == 0) {
		const struct iommu_hwpt_config plain = {.flags = 0};
		uint32_t hwpt = 0;

		if (seen(iommu_hwpt_alloc(ctx, device[0], ioas, &plain, &hwpt)) != 0)
			return;
		FUZZ_CHECK(iommu_virtual_unit_alloc(ctx, device[0], hwpt, &other) != 0);
		(void)seen(iommu_object_destroy(ctx, hwpt));
	}
}

static void use_event_queue(void)
{
	const struct iommu_event_queue_config config = {
		.notifier = fuzz_flag(&t.input) ? notify : NULL,
		.notifier_ctx = &t.notified[1],
		.depth = below(8) == 0 ? fuzz_below(&t.input, 9000) : 1 + below(4)};
	uint32_t other = 0;
	int status;

	if (t.events != 0 && below(4) == 0) {
		if (seen(iommu_object_destroy(ctx, t.events)) == 0)
			t.events = 0;
		return;
	}
	if (below(4) == 0)
		status = iommu_event_queue_alloc(ctx, id_or_any(t.unit), config.notifier,
						 config.notifier_ctx, &other);
	else
		status = iommu_event_queue_alloc_with(ctx, id_or_any(t.unit), &config, &other);
	FUZZ_CHECK(seen(status) != 0 || t.events == 0);
	if (status == 0)
		t.events = other;
}

/* --- Requests and faults ---------------------------------------------------------------------- */

static void serve_requests(void)
{
	bool lost = false;

	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		(void)iommu_unit_handle_page_requests(f.unit[i], below(8) != 0 ? &lost : NULL);
}

/* As a back end does that reads it itself; behind what lies in the rings. */
static bool report(unsigned int i, const struct iommu_page_request *request)
{
	int status;

	serve_requests();
	status = fuzz_flag(&t.input)
			 ? iommu_report_page_request(f.iommu, 0, f.device[i]->source_id, request)
			 : iommu_refuse_page_request(f.iommu, 0, f.device[i]->source_id, request);
	FUZZ_CHECK(status == 0 || status == IOMMU_EINVAL || status == IOMMU_ENODEV);
	return status != IOMMU_ENODEV;
}

/* One that has as many outstanding as it may waits: here until its host wants no more of them. */
static void wait_for_answers(unsigned int i)
{
	serve_requests();
	if (t.is_gone[i] || t.holds || below(16) == 0) {
		t.is_improper = true;
		return;
	}
	cut_groups();
	iommu_endpoint_drop_page_requests(f.endpoint[i]);
	t.sent[i] = 1;
}

/* Group after group, as a device that keeps the rules; or any, which need not be told apart. */
static void ask_for_pages(void)
{
	const unsigned int i = below(DEVICES);
	const bool is_proper = below(64) != 0;
	bool is_taken = true;

	for (unsigned int count = 1 + below(below(8) == 0 ? 12 : 3); count != 0; count--) {
		const bool has_access = below(8) != 0;
		const bool is_last = (count == 1 && below(8) != 0) || below(8) == 0;
		const uint32_t pasid = is_proper ? t.groups[i] / 4 % PASIDS : below(PASIDS);
		const struct iommu_page_request request = {
			.address = (uint64_t)below(64) << 12,
			.prot = has_access ? 1 + below(3) : 0,
			.has_pasid = pasid != 0,
			.pasid = pasid,
			.group = (uint16_t)(is_proper ? t.groups[i] % 512 : below(512)),
			.is_last = is_last,
		};

		if (t.sent[i]++ == REQUESTS)
			wait_for_answers(i);
		if (below(4) == 0 && !t.holds && !t.is_troubled) {
			is_taken = report(i, &request);
		} else {
			const int status =
				model_device_request_page(f.device[i], pasid, request.address,
							  request.prot, request.group, is_last);

			FUZZ_CHECK(status == 0 || status == IOMMU_ENOSPC || status == IOMMU_EFAULT);
		}
		t.is_improper = t.is_improper || !is_proper || (!has_access && is_last);
		/* What the back end has to answer, which this one does not. */
		t.is_improper = t.is_improper || !is_taken;
		t.is_begun[i] = !is_last;
		if (is_last)
			t.groups[i]++;
	}
}

/* What no fault queue does: a timer, a host that answers by itself, or wants nothing any more. */
static void interfere(void)
{
	static const enum iommu_page_response_code codes[] = {
		IOMMU_PAGE_SUCCESS, IOMMU_PAGE_INVALID, IOMMU_PAGE_FAILURE,
		(enum iommu_page_response_code)7};
	const unsigned int i = below(DEVICES);
	const struct iommu_page_response response = {
		.group = (uint16_t)(t.groups[i] - below(4)) % 512, .code = codes[below(4)]};

	if (t.is_gone[i])
		return;
	switch (below(4)) {
	case 0:
		cut_groups();
		iommu_endpoint_drop_page_requests(f.endpoint[i]);
		break;
	case 1:
		cut_groups();
		f.machine.clock_ns += below(4) * 1000ULL;
		iommu_endpoint_tick_page_requests(f.endpoint[i], below(4) * 1000ULL);
		break;
	default:
		FUZZ_CHECK((seen(iommu_page_respond(f.endpoint[i], &response)) == IOMMU_EINVAL) ==
			   (response.code > IOMMU_PAGE_FAILURE));
		break;
	}
}

static void read_requests(void)
{
	struct iommu_fault_record records[16];
	const unsigned int room = below(17);
	unsigned int count = 0;

	serve_requests();
	if (seen(iommu_fault_read(ctx, id_or_any(t.faults), records, room, &count)) != 0)
		return;
	FUZZ_CHECK(count <= room);
	for (unsigned int i = 0; i < count; i++) {
		bool is_known = false;

		for (unsigned int k = 0; k < DEVICES; k++)
			is_known = is_known || records[i].device == device[k];
		FUZZ_CHECK(is_known &&
			   (records[i].virtual_id == UINT64_MAX || records[i].virtual_id < 4));
		FUZZ_CHECK(records[i].request.prot != 0 && records[i].request.group < 512);
		if (t.cookie_count != 0 && t.cookies[t.cookie_count - 1] == records[i].cookie)
			continue;
		if (t.cookie_count < COOKIES)
			t.cookies[t.cookie_count++] = records[i].cookie;
	}
}

static void answer(void)
{
	static const enum iommu_page_response_code codes[] = {
		IOMMU_PAGE_SUCCESS, IOMMU_PAGE_INVALID, IOMMU_PAGE_FAILURE,
		(enum iommu_page_response_code)7};
	uint32_t cookie = (uint32_t)fuzz_number(&t.input, 1);

	if (t.cookie_count != 0 && below(8) != 0)
		cookie = t.cookies[--t.cookie_count];
	(void)seen(iommu_fault_respond(ctx, id_or_any(t.faults), cookie, codes[below(4)]));
}

static void handle_events(void)
{
	struct iommu_event_record records[8];
	const uint32_t queue = id_or_any(t.events);
	unsigned int count = 0;
	uint64_t lost = 0;
	bool some = false;
	int status;

	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		(void)iommu_unit_handle_faults(f.unit[i], &some);
	if (below(8) == 0)
		(void)seen(iommu_event_queue_mark_lost(ctx, queue));
	if (below(2) == 0)
		return;
	status = iommu_event_read(ctx, queue, records, below(9), &count,
				  below(4) != 0 ? &lost : NULL);
	FUZZ_CHECK(status == (queue == t.events && queue != 0 ? 0 : status) && count <= 8);
	for (unsigned int i = 0; i < count; i++)
		FUZZ_CHECK(records[i].virtual_id < 4 && records[i].reason_name != NULL);
}

static void trouble(void)
{
	struct iommu_model_vtd_faults faults = {0};
	const unsigned int how = below(6);

	faults.waits_hang = how == 1;
	faults.refuse_after = how == 2 ? 1 + below(4) : 0;
	faults.holds_requests = how == 3;
	t.holds = t.holds || how == 3;
	f.machine.fail_every = how == 4 ? 2 + below(5) : 0;
	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		iommu_model_vtd_misbehave(f.machine.units[i], &faults);
	t.is_troubled = t.is_troubled || how == 1 || how == 2 || how == 4;
}

static void operate(void)
{
	static void (*const operations[])(void) = {
		map_frames,       map_frames,      unmap_frames,     unmap_frames,
		make_nested,      make_nested,     move_device,      move_device,
		move_device,      write_table,     write_table,      write_good_tables,
		invalidate,       invalidate,      use_virtual_unit, ask_for_pages,
		ask_for_pages,    ask_for_pages,   serve_requests,   read_requests,
		read_requests,    answer,          answer,           handle_events,
		use_virtual_unit, use_event_queue, change_device,    interfere,
		trouble};

	operations[below(sizeof(operations) / sizeof(operations[0]))]();
}

/* --- Life ------------------------------------------------------------------------------------- */

/* The guest's tables are memory of the machine, so that its units can walk them. */
static int pin_tables(void *context, uint64_t address, uint64_t size, unsigned int prot,
		      struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	(void)context;
	(void)prot;
	FUZZ_CHECK(room != 0 && address + size <= GUEST_PAGES * 4096ULL);
	pieces[0] = (struct iommu_map_piece){t.tables_at + address, size};
	*count = 1;
	return 0;
}

static void unpin_tables(void *context, uint64_t address, const struct iommu_map_piece *pieces,
			 unsigned int count, unsigned int prot)
{
	(void)context;
	(void)address;
	(void)pieces;
	(void)count;
	(void)prot;
}

static const struct iommu_backing_ops table_ops = {.pin = pin_tables, .unpin = unpin_tables};

static void begin_guest(void)
{
	const struct iommu_hwpt_config parent = {.flags = IOMMU_HWPT_NEST_PARENT};
	const struct iommu_backing backing = {&table_ops, &t, 0};
	iommu_iova_t iova = GUEST;

	begin_with(FEATURES, 1 + (below(4) == 0), DEVICES, MEMORY_CONTIGUOUS);
	for (unsigned int i = 0; i < DEVICES; i++) {
		f.device[i]->tlb_is_off = true; /* there is one, and it answers */
		if (below(8) != 0)
			(void)seen(
				iommu_endpoint_enable_feature(f.endpoint[i], IOMMU_FEATURE_PASID));
		if (below(8) != 0)
			(void)seen(iommu_endpoint_enable_feature(f.endpoint[i], IOMMU_FEATURE_ATS));
	}
	t.tables_at = model_machine_take(&f.machine, GUEST_PAGES);
	model_machine_mark(&f.machine, t.tables_at, GUEST_PAGES, PAGE_TABLE);
	FUZZ_CHECK(iommu_ioas_map(ctx, ioas, &backing, GUEST_PAGES * 4096, FIXED, &iova) == 0);
	FUZZ_CHECK(iommu_hwpt_alloc(ctx, device[0], ioas, &parent, &t.parent) == 0);
	FUZZ_CHECK(iommu_fault_queue_alloc(ctx, fuzz_flag(&t.input) ? notify : NULL, &t.notified[0],
					   &t.faults) == 0);
	write_good_tables();
	/* Frames, and a table of the guest's that leads there, in use by a device. */
	map_frames();
	make_nested();
	(void)seen(iommu_device_attach(ctx, device[0], 0, t.nested[0], NULL));
	look_at_tlb(0);
}

/* Each group has had its answer, and no more than one; of one that was cut each part. */
static void check_answers(void)
{
	for (unsigned int i = 0; i < DEVICES && !t.is_improper; i++) {
		FUZZ_CHECK(f.device[i]->answers <= t.groups[i] + t.cuts[i]);
		FUZZ_CHECK(t.is_troubled || f.device[i]->answers >= t.groups[i]);
	}
}

static void end_guest(void)
{
	const struct iommu_model_vtd_faults none = {0};

	f.machine.fail_every = 0;
	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		iommu_model_vtd_misbehave(f.machine.units[i], &none);
	/* What a unit held back goes on its way before the next. */
	for (unsigned int i = 0; i < DEVICES && t.holds; i++) {
		(void)model_device_request_page(f.device[i], t.groups[i] / 4 % PASIDS, 0, 1,
						(uint16_t)(t.groups[i] % 512), true);
		t.groups[i]++;
	}
	serve_requests();
	cut_groups();
	for (unsigned int i = 0; i < DEVICES; i++)
		for (uint32_t pasid = 0; pasid < PASIDS; pasid++)
			(void)iommu_device_detach(ctx, device[i], pasid);
	serve_requests();
	check_answers();
	forgive_guest();
	finish();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	memset(&t, 0, sizeof(t));
	t.input = (struct fuzz_bytes){bytes, size};
	begin_guest();
	for (unsigned int i = 0; i < OPERATIONS && !fuzz_is_done(&t.input); i++) {
		operate();
		forgive_guest();
		check(i, 8);
	}
	check(0, 1);
	end_guest();
	return 0;
}
