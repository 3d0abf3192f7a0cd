/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access objects. A pin is a holder of its pages, with a list of their addresses, and prevents the
 * unmap of its area until the owner of the access object, when notified, unpins it.
 *
 * Unpinning does not enter the gate: it is done by a holder that was notified by a call inside the
 * gate, for which a call that closes the gate waits. It uses only the pin: neither the area nor its
 * pages are freed before it.
 */
#include "ioas/access.h"

#include "base/memory.h"

#define PAGE_MASK    (IOMMU_PAGE_SIZE - 1)
#define NOTIFIES_MAX 100
#define PIECE_MAX    (1ULL << (30 - IOMMU_PAGE_SHIFT)) /* pages that a look-up goes on for */
#define COPY_MAX     (256 * IOMMU_PAGE_SIZE) /* bytes that are pinned at once to be copied */

static struct ioas_access *access_of(struct ioas_object *object)
{
	return iommu_container_of(object, struct ioas_access, object);
}

int iommu_access_alloc(struct iommu_file *file, iommu_access_unmap unmap, void *unmap_ctx,
		       uint32_t *id)
{
	struct ioas_object *object;
	struct ioas_access *access;
	int status;

	iommu_file_lock(file);
	status = iommu_object_new(file, IOMMU_OBJECT_ACCESS, &object);
	if (status == 0) {
		access = access_of(object);
		access->unmap = unmap;
		access->unmap_ctx = unmap_ctx;
		status = iommu_object_finish(object, 0, id);
	}
	return iommu_file_end(file, IOMMU_CALL, status);
}

/* --- Telling, and letting go ------------------------------------------------------------------ */

void iommu_accesses_notify(struct iommu_ioas *ioas, iommu_iova_t iova, uint64_t size)
{
	struct iommu_list_node *node;

	/* The list changes only while the gate is closed. */
	iommu_list_for_each (node, &ioas->accesses) {
		const struct ioas_access *access =
			iommu_container_of(node, struct ioas_access, link);

		if (access->unmap != NULL)
			access->unmap(access->unmap_ctx, iova, size);
	}
}

static bool has_pins(struct ioas_access *access)
{
	struct iommu_file *file = access->object.file;
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);
	const bool pins = access->pins.root != NULL;

	iommu_spin_unlock(file->platform, &file->lock, state);
	return pins;
}

static int have_all_unpinned(struct ioas_access *access)
{
	for (unsigned int turn = 0; has_pins(access); turn++) {
		if (turn == NOTIFIES_MAX)
			return iommu_file_refuse_object(
				access->object.file, iommu_object_id(&access->object), IOMMU_EBUSY,
				IOMMU_WHY("its holder was told, and does not unpin"));
		access->unmap(access->unmap_ctx, 0, UINT64_MAX);
	}
	return 0;
}

/* --- Attached, to a space --------------------------------------------------------------------- */

static void access_join(struct ioas_access *access, struct iommu_ioas *ioas)
{
	iommu_gate_close(ioas);
	__atomic_store_n(&access->ioas, ioas, __ATOMIC_RELAXED);
	iommu_list_insert(&ioas->accesses, &access->link);
	iommu_gate_open(ioas);
	iommu_object_use(&ioas->object);
}

/* Its pins are gone, and no new one can be made: that is done inside the gate. */
static int access_leave(struct ioas_access *access)
{
	struct iommu_ioas *ioas = access->ioas;
	int status;

	iommu_gate_close(ioas);
	status = have_all_unpinned(access);
	if (status == 0) {
		iommu_list_remove(&access->link);
		__atomic_store_n(&access->ioas, NULL, __ATOMIC_RELAXED);
	}
	iommu_gate_open(ioas);
	if (status == 0)
		iommu_object_unuse(&ioas->object);
	return status;
}

int iommu_access_end(struct ioas_object *object)
{
	struct ioas_access *access = access_of(object);

	return access->ioas != NULL ? access_leave(access) : 0;
}

static int change(struct iommu_file *file, const char *call, uint32_t id, uint32_t to_id,
		  bool from_one, bool to_one)
{
	struct ioas_object *object, *to = NULL;
	struct ioas_access *access;
	int status;

	iommu_file_lock(file);
	object = iommu_object_find(file, id, IOMMU_OBJECT_ACCESS, &status);
	if (object != NULL && to_one)
		to = iommu_object_find(file, to_id, IOMMU_OBJECT_IOAS, &status);
	if (status == 0) {
		access = access_of(object);
		if ((access->ioas != NULL) != from_one)
			status = iommu_file_refuse_object(
				file, id, IOMMU_EINVAL,
				from_one ? IOMMU_WHY("the access is attached to no space")
					 : IOMMU_WHY("the access is attached to a space already"));
		if (status == 0 && from_one)
			status = access_leave(access);
		if (status == 0 && to_one)
			access_join(access, iommu_ioas_of(to));
	}
	return iommu_file_end(file, call, status);
}

int iommu_access_attach(struct iommu_file *file, uint32_t access, uint32_t ioas)
{
	return change(file, IOMMU_CALL, access, ioas, false, true);
}

int iommu_access_replace(struct iommu_file *file, uint32_t access, uint32_t ioas)
{
	return change(file, IOMMU_CALL, access, ioas, true, true);
}

int iommu_access_detach(struct iommu_file *file, uint32_t access)
{
	return change(file, IOMMU_CALL, access, 0, true, false);
}

/* --- Pinning ---------------------------------------------------------------------------------- */

static void batches_free(struct iommu_file *file, struct ioas_batch *batch)
{
	while (batch != NULL) {
		struct ioas_batch *next = batch->next;

		iommu_batch_free(file, batch);
		batch = next;
	}
}

/* Why an area has to stay. */
enum hold {
	HOLD_PIN,  /* until its holder is told to let go */
	HOLD_COPY, /* for as long as a call takes */
};

static unsigned int *counter_of(struct ioas_area *area, enum hold hold)
{
	return hold == HOLD_PIN ? &area->pins : &area->readers;
}

/* The area at a page stays, until it is let go of. */
static int hold_area(struct iommu_ioas *ioas, uint64_t page, unsigned int prot, enum hold hold,
		     struct ioas_area **result)
{
	const struct iommu_platform *platform = ioas->object.file->platform;
	uintptr_t state = iommu_spin_lock(platform, &ioas->lock);
	struct ioas_area *area = iommu_area_of(iommu_iova_find_from(ioas->areas, page));
	int status = 0;

	if (area == NULL || area->range.first > page)
		status = IOMMU_ENOENT;
	else if (area->state != IOAS_AREA_LIVE || area->no_pins)
		status = IOMMU_EBUSY;
	else if ((prot & ~area->prot) != 0)
		status = IOMMU_EPERM;
	if (status == 0) {
		++*counter_of(area, hold);
		*result = area;
	}
	iommu_spin_unlock(platform, &ioas->lock, state);
	return status;
}

static void let_go_of_area(struct ioas_area *area, enum hold hold)
{
	const struct iommu_platform *platform = area->ioas->object.file->platform;
	uintptr_t state = iommu_spin_lock(platform, &area->ioas->lock);

	--*counter_of(area, hold);
	iommu_spin_unlock(platform, &area->ioas->lock, state);
}

/* Let go of one part: of its pages those that have no other user. Its area is still held. */
static void part_free(struct iommu_file *file, struct ioas_pin *pin)
{
	struct ioas_pages *pages = pin->area->pages;

	iommu_pages_lock(pages);
	iommu_interval_remove(&pages->holders, &pin->holder.interval);
	for (const struct ioas_batch *batch = pin->holder.batches; batch != NULL;
	     batch = batch->next)
		iommu_pages_release(pages, batch);
	iommu_pages_unlock(pages);
	batches_free(file, pin->holder.batches);
	iommu_file_free(file, &file->pin_cache, pin);
}

static void parts_free(struct iommu_file *file, struct ioas_pin *pin)
{
	while (pin != NULL) {
		struct ioas_pin *next = pin->parts;
		struct ioas_area *area = pin->area;

		part_free(file, pin);
		let_go_of_area(area, HOLD_PIN);
		pin = next;
	}
}

/* Where the pages are, in as many batches as it takes. The pages are locked. */
static int collect(struct iommu_file *file, struct ioas_pages *pages, struct ioas_holder *holder)
{
	struct ioas_batch **end = &holder->batches;
	uint64_t page = holder->interval.first;

	while (page <= holder->interval.last) {
		struct ioas_batch *batch = iommu_batch_make(file, 0);
		int status;

		if (batch == NULL)
			return IOMMU_ENOMEM;
		*end = batch;
		end = &batch->next;
		iommu_batch_begin(batch, page);
		status = iommu_pages_collect(pages, batch, holder->interval.last);
		page += batch->pages;
		if (status != 0)
			return status;
	}
	return 0;
}

/*
 * May software have it? Its owner has taken it back; or it is registers, which a holder would use
 * as memory.
 */
static int check_pages(const struct ioas_pages *pages)
{
	if (iommu_pages_are_mmio(pages))
		return IOMMU_EINVAL;
	return pages->state == IOAS_PAGES_REVOKED ? IOMMU_ENODEV : 0;
}

/* Pin [page, last], which begins in an area that is held; *result goes as far as the area does. */
static int pin_part(struct iommu_file *file, struct ioas_area *area, uint64_t page, uint64_t last,
		    struct ioas_pin **result)
{
	struct ioas_pages *pages = area->pages;
	const uint64_t end = last < area->range.last ? last : area->range.last;
	int status = check_pages(pages);
	struct ioas_pin *pin = NULL;

	if (status == 0) {
		pin = iommu_file_alloc(file, &file->pin_cache);
		status = IOMMU_ENOMEM;
	}
	if (pin != NULL) {
		pin->area = area;
		pin->holder.interval.first = area->page + (page - area->range.first);
		pin->holder.interval.last = area->page + (end - area->range.first);
		iommu_pages_lock(pages);
		status = collect(file, pages, &pin->holder);
		if (status == 0)
			iommu_interval_insert(&pages->holders, &pin->holder.interval);
		else
			for (const struct ioas_batch *batch = pin->holder.batches; batch != NULL;
			     batch = batch->next)
				iommu_pages_release(pages, batch);
		iommu_pages_unlock(pages);
	}
	if (status == 0) {
		*result = pin;
		return 0;
	}
	if (pin != NULL) {
		batches_free(file, pin->holder.batches);
		iommu_file_free(file, &file->pin_cache, pin);
	}
	return status;
}

/* All parts of a range, which are linked. */
static int pin_parts(struct iommu_file *file, struct iommu_ioas *ioas, uint64_t page, uint64_t last,
		     unsigned int prot, struct ioas_pin **first)
{
	struct ioas_pin **end = first;

	while (page <= last) {
		struct ioas_area *area;
		struct ioas_pin *pin;
		int status = hold_area(ioas, page, prot, HOLD_PIN, &area);

		if (status != 0)
			return status;
		status = pin_part(file, area, page, last, &pin);
		if (status != 0) {
			let_go_of_area(area, HOLD_PIN);
			return status;
		}
		page += pin->holder.interval.last - pin->holder.interval.first + 1;
		*end = pin;
		end = &pin->parts;
	}
	return 0;
}

/* The physical address of each page. */
static void list_pages(const struct ioas_pin *pin, iommu_paddr_t *pages)
{
	for (; pin != NULL; pin = pin->parts)
		for (const struct ioas_batch *batch = pin->holder.batches; batch != NULL;
		     batch = batch->next)
			for (unsigned int i = 0; i < batch->count; i++)
				for (uint64_t at = 0; at < batch->pieces[i].size;
				     at += IOMMU_PAGE_SIZE)
					*pages++ = batch->pieces[i].paddr + at;
}

static int access_check(const struct ioas_access *access, iommu_iova_t iova, uint64_t size,
			unsigned int prot, const char **why)
{
	if ((prot & ~(unsigned int)IOMMU_PROT_READ_WRITE) != 0)
		return ioas_because(why, IOMMU_EOPNOTSUPP, IOMMU_WHY("unknown permissions"));
	if (size == 0 || ((iova | size) & PAGE_MASK) != 0)
		return ioas_because(
			why, IOMMU_EINVAL,
			IOMMU_WHY("the size is 0, or address or size are not aligned to 4096"));
	if (size - 1 > UINT64_MAX - iova)
		return ioas_because(why, IOMMU_EOVERFLOW,
				    IOMMU_WHY("the address plus the size wraps"));
	if (access->unmap == NULL)
		return ioas_because(
			why, IOMMU_EINVAL,
			IOMMU_WHY("the access was made without a callback to unpin by"));
	return prot != 0 ? 0
			 : ioas_because(why, IOMMU_EINVAL,
					IOMMU_WHY("permissions neither to read nor to write"));
}

/* Why a range is not pinned or copied, beyond what the call is checked for. */
static const char *why_not_held(int status)
{
	switch (status) {
	case IOMMU_ENOENT:
		return IOMMU_WHY("part of the range is not mapped");
	case IOMMU_EPERM:
		return IOMMU_WHY("part of the range is not mapped with these permissions");
	case IOMMU_EBUSY:
		return IOMMU_WHY("part of the range is being mapped or unmapped, or its virtual "
				 "address is");
	case IOMMU_ENODEV:
		return IOMMU_WHY("the owner of the memory has revoked it");
	case IOMMU_EINVAL:
		return IOMMU_WHY("what is mapped there is a device's registers, not memory");
	case IOMMU_EFAULT:
		return IOMMU_WHY("the backing does not have this memory");
	case IOMMU_ENOMEM:
		return IOMMU_WHY("no memory, or a limit of the file: pins, or pages of accesses");
	default:
		return "";
	}
}

static int not_held(struct iommu_file *file, const char *call, uint32_t id, int status,
		    const char *why)
{
	return iommu_file_refuse_now(file, call, id, status,
				     why[0] != '\0' ? why : why_not_held(status));
}

/* The space of an access that is visited, inside its gate; NULL: it has none. */
static struct iommu_ioas *enter_space(struct ioas_access *access)
{
	struct iommu_file *file = access->object.file;
	struct ioas_object *space = NULL;
	struct iommu_ioas *ioas;
	uintptr_t state;

	for (;;) {
		state = iommu_spin_lock(file->platform, &file->lock);
		ioas = __atomic_load_n(&access->ioas, __ATOMIC_RELAXED);
		if (ioas != NULL) {
			space = &ioas->object;
			iommu_object_visit_locked(space);
		}
		iommu_spin_unlock(file->platform, &file->lock, state);
		if (ioas == NULL)
			return NULL;
		iommu_gate_enter(ioas);
		/* It may have been replaced before the gate let us in. */
		if (__atomic_load_n(&access->ioas, __ATOMIC_RELAXED) == ioas)
			return ioas;
		iommu_gate_leave(ioas);
		iommu_object_leave(space);
	}
}

static void leave_space(struct iommu_ioas *ioas)
{
	iommu_gate_leave(ioas);
	iommu_object_leave(&ioas->object);
}

static int pin(struct ioas_access *access, iommu_iova_t iova, uint64_t size, unsigned int prot,
	       struct ioas_pin **result, const char **why)
{
	struct iommu_file *file = access->object.file;
	struct iommu_ioas *ioas = enter_space(access);
	struct ioas_pin *first = NULL;
	uintptr_t state;
	int status;

	if (ioas == NULL)
		return ioas_because(why, IOMMU_EINVAL,
				    IOMMU_WHY("the access is attached to no space"));
	status = ioas->draining ? ioas_because(why, IOMMU_EBUSY, IOMMU_WHY(IOAS_DRAINING)) : 0;
	if (status == 0)
		status = pin_parts(file, ioas, iova >> IOMMU_PAGE_SHIFT,
				   (iova + (size - 1)) >> IOMMU_PAGE_SHIFT, prot, &first);
	if (status == 0 && first != NULL) {
		first->asked.first = iova;
		first->asked.second = size;
		state = iommu_spin_lock(file->platform, &file->lock);
		iommu_keyed_insert(&access->pins, &first->asked);
		iommu_spin_unlock(file->platform, &file->lock, state);
		*result = first;
	} else {
		parts_free(file, first);
	}
	leave_space(ioas);
	return status;
}

/* What is pinned by others costs nothing but the list of where it is: that is counted by itself. */
static int pin_charged(struct ioas_access *access, iommu_iova_t iova, uint64_t size,
		       unsigned int prot, struct ioas_pin **result, const char **why)
{
	struct iommu_file *file = access->object.file;
	int status;

	if (!iommu_file_charge(&file->access_pages, size >> IOMMU_PAGE_SHIFT,
			       file->limits.access_pages))
		return IOMMU_ENOMEM;
	status = pin(access, iova, size, prot, result, why);
	if (status != 0)
		iommu_file_discharge(&file->access_pages, size >> IOMMU_PAGE_SHIFT);
	return status;
}

int iommu_access_pin(struct iommu_file *file, uint32_t id, iommu_iova_t iova, uint64_t size,
		     unsigned int prot, iommu_paddr_t *pages)
{
	struct ioas_object *object;
	struct ioas_pin *first = NULL;
	const char *why = "";
	int status;

	object = iommu_object_visit(file, id, IOMMU_OBJECT_ACCESS, &status);
	if (object == NULL)
		return not_held(file, IOMMU_CALL, id, status, iommu_object_missing(status));
	status = access_check(access_of(object), iova, size, prot, &why);
	if (status == 0)
		status = pin_charged(access_of(object), iova, size, prot, &first, &why);
	if (status == 0 && pages != NULL)
		list_pages(first, pages);
	iommu_object_leave(object);
	return status == 0 ? 0 : not_held(file, IOMMU_CALL, id, status, why);
}

/* --- Where it is ------------------------------------------------------------------------------ */

/* The piece that a page of an area begins, or is in; the area is held. */
static int look_up(const struct ioas_area *area, uint64_t page, struct iommu_map_piece *piece)
{
	struct ioas_pages *pages = area->pages;
	const uint64_t at = area->page + (page - area->range.first);
	uint64_t last = area->page + iommu_area_pages(area) - 1;
	struct ioas_interval *interval;
	struct ioas_batch *batch;
	int status = IOMMU_ENOENT;

	if (pages->state == IOAS_PAGES_REVOKED)
		return IOMMU_ENODEV;
	if (last - at >= PIECE_MAX)
		last = at + PIECE_MAX - 1;
	batch = iommu_batch_take(area->ioas, 1);
	if (batch == NULL)
		return IOMMU_ENOMEM;
	iommu_batch_begin(batch, at);
	iommu_pages_lock(pages);
	interval = iommu_interval_first(&pages->holders, at, at);
	if (interval != NULL)
		iommu_pages_read(iommu_container_of(interval, struct ioas_holder, interval), batch,
				 at, last < interval->last ? last : interval->last);
	iommu_pages_unlock(pages);
	if (batch->count != 0) {
		*piece = batch->pieces[0];
		status = 0;
	}
	iommu_batch_give(area->ioas, batch);
	return status;
}

static int access_get_paddr(struct ioas_access *access, iommu_iova_t iova,
			    struct iommu_map_piece *piece, const char **why)
{
	struct iommu_ioas *ioas = enter_space(access);
	struct ioas_area *area;
	int status;

	if (ioas == NULL)
		return ioas_because(why, IOMMU_EINVAL,
				    IOMMU_WHY("the access is attached to no space"));
	status = hold_area(ioas, iova >> IOMMU_PAGE_SHIFT, 0, HOLD_COPY, &area);
	if (status == 0) {
		status = look_up(area, iova >> IOMMU_PAGE_SHIFT, piece);
		let_go_of_area(area, HOLD_COPY);
	}
	leave_space(ioas);
	return status;
}

int iommu_access_get_paddr(struct iommu_file *file, uint32_t id, iommu_iova_t iova,
			   iommu_paddr_t *paddr, uint64_t *size)
{
	const uint64_t skip = iova & PAGE_MASK;
	struct iommu_map_piece piece = {0};
	struct ioas_object *object;
	const char *why = "";
	int status;

	object = iommu_object_visit(file, id, IOMMU_OBJECT_ACCESS, &status);
	if (object == NULL)
		return not_held(file, IOMMU_CALL, id, status, iommu_object_missing(status));
	status = access_get_paddr(access_of(object), iova, &piece, &why);
	iommu_object_leave(object);
	if (status != 0)
		return not_held(file, IOMMU_CALL, id, status, why);
	*paddr = piece.paddr + skip;
	*size = piece.size - skip;
	return 0;
}

/* One pin with just this range, taken out of the list; NULL: there is none. */
static struct ioas_pin *take_pin(struct ioas_access *access, iommu_iova_t iova, uint64_t size)
{
	struct iommu_file *file = access->object.file;
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);
	struct ioas_keyed *asked = iommu_keyed_find(&access->pins, iova, size);

	if (asked != NULL)
		iommu_keyed_remove(&access->pins, asked);
	iommu_spin_unlock(file->platform, &file->lock, state);
	return asked != NULL ? iommu_container_of(asked, struct ioas_pin, asked) : NULL;
}

int iommu_access_unpin(struct iommu_file *file, uint32_t id, iommu_iova_t iova, uint64_t size)
{
	struct ioas_object *object;
	struct ioas_pin *found;
	int status;

	object = iommu_object_visit_ending(file, id, IOMMU_OBJECT_ACCESS, &status);
	if (object == NULL)
		return not_held(file, IOMMU_CALL, id, status, iommu_object_missing(status));
	found = take_pin(access_of(object), iova, size);
	if (found != NULL) {
		parts_free(file, found);
		iommu_file_discharge(&file->access_pages, size >> IOMMU_PAGE_SHIFT);
	}
	iommu_object_leave(object);
	return found != NULL ? 0
			     : not_held(file, IOMMU_CALL, id, IOMMU_ENOENT,
					IOMMU_WHY("no pin has this address and size"));
}

/* --- Reading and writing ---------------------------------------------------------------------- */

static void copy_bytes(void *memory, void *bytes, size_t size, bool write)
{
	memcpy(write ? memory : bytes, write ? bytes : memory, size);
}

/* Through the CPU's own view of the memory, while it is pinned. */
static int copy_pinned(struct iommu_file *file, struct ioas_area *area, uint64_t offset,
		       unsigned char *bytes, size_t size, bool write)
{
	const uint64_t page = area->range.first + (offset >> IOMMU_PAGE_SHIFT);
	uint64_t skip = offset & PAGE_MASK;
	struct ioas_pin *pin;
	int status =
		pin_part(file, area, page,
			 area->range.first + ((offset + (size - 1)) >> IOMMU_PAGE_SHIFT), &pin);

	if (status != 0)
		return status;
	for (const struct ioas_batch *batch = pin->holder.batches; batch != NULL;
	     batch = batch->next)
		for (unsigned int i = 0; i < batch->count; i++) {
			const uint64_t left = batch->pieces[i].size - skip;
			const size_t part = left < size ? (size_t)left : size;

			copy_bytes(
				iommu_phys_to_virt(file->platform, batch->pieces[i].paddr + skip),
				bytes, part, write);
			bytes += part;
			size -= part;
			skip = 0;
		}
	part_free(file, pin);
	return 0;
}

/* A part in one area, which is held. */
static int copy_part(struct iommu_file *file, struct ioas_area *area, iommu_iova_t iova,
		     unsigned char *bytes, size_t size, bool write)
{
	const struct ioas_pages *pages = area->pages;
	const struct iommu_backing *backing = &pages->backing;
	const uint64_t offset = iova - iommu_area_iova(area);

	if (pages->state == IOAS_PAGES_REVOKED)
		return IOMMU_ENODEV;
	if (__atomic_load_n(&pages->without_vaddr, __ATOMIC_RELAXED) != 0 &&
	    backing->ops->copy != NULL)
		return IOMMU_EBUSY;
	if (backing->ops->copy == NULL)
		return copy_pinned(file, area, offset, bytes, size, write);
	return backing->ops->copy(backing->ctx,
				  backing->address + (area->page << IOMMU_PAGE_SHIFT) + offset,
				  bytes, size, write);
}

static int copy_parts(struct iommu_file *file, struct iommu_ioas *ioas, iommu_iova_t iova,
		      unsigned char *bytes, size_t size, bool write)
{
	int status = 0;

	while (size != 0 && status == 0) {
		struct ioas_area *area;
		uint64_t left;
		size_t part;

		status = hold_area(ioas, iova >> IOMMU_PAGE_SHIFT,
				   write ? IOMMU_PROT_WRITE : IOMMU_PROT_READ, HOLD_COPY, &area);
		if (status != 0)
			break;
		left = ((area->range.last << IOMMU_PAGE_SHIFT) | PAGE_MASK) - iova;
		part = left < size - 1 ? (size_t)left + 1 : size;
		part = part < COPY_MAX ? part : (size_t)COPY_MAX;
		status = copy_part(file, area, iova, bytes, part, write);
		let_go_of_area(area, HOLD_COPY);
		iova += part;
		bytes += part;
		size -= part;
	}
	return status;
}

static int copy_in_space(struct ioas_access *access, iommu_iova_t iova, void *bytes, size_t size,
			 bool write, const char **why)
{
	struct iommu_ioas *ioas;
	int status;

	if (size == 0)
		return ioas_because(why, IOMMU_EINVAL, IOMMU_WHY("the size is 0"));
	if (size - 1 > UINT64_MAX - iova)
		return ioas_because(why, IOMMU_EOVERFLOW,
				    IOMMU_WHY("the address plus the size wraps"));
	ioas = enter_space(access);
	if (ioas == NULL)
		return ioas_because(why, IOMMU_EINVAL,
				    IOMMU_WHY("the access is attached to no space"));
	status = ioas->draining ? ioas_because(why, IOMMU_EBUSY, IOMMU_WHY(IOAS_DRAINING))
				: copy_parts(access->object.file, ioas, iova, bytes, size, write);
	leave_space(ioas);
	return status;
}

int iommu_access_rw(struct iommu_file *file, uint32_t id, iommu_iova_t iova, void *bytes,
		    size_t size, bool write)
{
	struct ioas_object *object;
	const char *why = "";
	int status;

	object = iommu_object_visit(file, id, IOMMU_OBJECT_ACCESS, &status);
	if (object == NULL)
		return not_held(file, IOMMU_CALL, id, status, iommu_object_missing(status));
	status = copy_in_space(access_of(object), iova, bytes, size, write, &why);
	iommu_object_leave(object);
	return status == 0 ? 0 : not_held(file, IOMMU_CALL, id, status, why);
}
