/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains whose windows their owner opens, and whose entries it replaces one by one (<window.h>).
 *
 * Such a domain has two tables in the place of one, each with a page size of its own. Both windows
 * of a PE are set together when the domain is attached (opal_window.c); when the owner opens or
 * closes one, the windows of all PEs that use the domain are set again.
 *
 * A table is freed only when no bridge can walk it. An open or close begins with what is in doubt
 * or open on the bridge, and fails if that remains: so a PE that has left the domain, and whose
 * windows may still be the domain's, keeps the tables. A table whose window could not be opened
 * everywhere, and not be closed again, stays with the domain until the next open or close has
 * settled that. Entries are replaced without a lock, and tables stay until the window is closed.
 */
#include <libiommu/hw/tce.h>
#include <libiommu/window.h>

#include "base/bits.h"
#include "pgtable/tce_entry.h"
#include "tce/opal.h"

#define TABLE_BITS     9 /* log2 of the entries in a table of one page */
#define TABLE_BITS_MAX (TABLE_BITS + IOMMU_MAX_ALLOC_ORDER)
#define LOW_WINDOW_MAX (1ULL << 31) /* below the interrupts of devices with 32 address bits */

static iommu_iova_t start_of(unsigned int number)
{
	return number == 0 ? 0 : OPAL_BYPASS_START;
}

static struct opal_user_window *window_of(const struct iommu_domain *base, unsigned int number)
{
	return &opal_domain_of(base)->windows[number];
}

unsigned int iommu_opal_page_shift_at(const struct opal_domain *domain, iommu_iova_t iova)
{
	if (!domain->has_user_windows)
		return domain->common.pgtable.page_shift;
	return domain->windows[iova >> TVE_WINDOW_BIT & 1].table.page_shift;
}

/* --- Limits ----------------------------------------------------------------------------------- */

/* Window 0 ends before what the bridge decodes otherwise. */
static uint64_t low_window_max(const struct iommu_opal_config *config)
{
	uint64_t size = 1ULL << config->window_bits;

	if (size > LOW_WINDOW_MAX)
		size = LOW_WINDOW_MAX;
	while (config->reserved_last != 0 && config->reserved_start <= config->reserved_last &&
	       size > config->reserved_start)
		size /= 2;
	return size;
}

static void user_get_limits(const struct iommu_domain *base, struct iommu_window_limits *limits)
{
	const struct iommu_opal_config *config = &opal_domain_of(base)->unit->config;

	*limits = (struct iommu_window_limits){
		.page_sizes = config->page_sizes,
		.levels = TCE_LEVELS_MAX,
		.windows = {{.start = start_of(0), .size = low_window_max(config)},
			    {.start = start_of(1), .size = 1ULL << TCE_ADDRESS_BITS_MAX}},
	};
}

/* The bits by which each level is indexed; levels are chosen where the owner does not. */
static unsigned int choose_levels(unsigned int index_bits, unsigned int *levels)
{
	unsigned int bits;

	if (*levels == 0)
		*levels = (index_bits + TABLE_BITS - 1) / TABLE_BITS;
	bits = (index_bits + *levels - 1) / *levels;
	return bits > TABLE_BITS ? bits : TABLE_BITS;
}

#define NO_WINDOW "no window can be made of this size, of these pages, or with these levels"

static int make_table(struct opal_domain *domain, const struct iommu_window_config *wanted)
{
	struct opal_unit *unit = domain->unit;
	struct opal_user_window *window = &domain->windows[wanted->number];
	struct iommu_window_limits limits;
	unsigned int levels = wanted->levels;
	unsigned int width, table_bits;
	struct iommu_pgtable_config config;
	int status;

	user_get_limits(&domain->common.base, &limits);
	if (wanted->size == 0 || (wanted->size & (wanted->size - 1)) != 0 ||
	    wanted->size > limits.windows[wanted->number].size || levels > limits.levels ||
	    wanted->page_shift > TCE_PAGE_SHIFT_MAX ||
	    (limits.page_sizes >> wanted->page_shift & 1) == 0)
		return OPAL_REFUSE(unit, IOMMU_EINVAL, NO_WINDOW);
	width = iommu_highest_bit(wanted->size);
	if (width <= wanted->page_shift)
		return OPAL_REFUSE(unit, IOMMU_EINVAL, NO_WINDOW);
	table_bits = choose_levels(width - wanted->page_shift, &levels);
	if (table_bits > TABLE_BITS_MAX)
		return OPAL_REFUSE(unit, IOMMU_EINVAL, NO_WINDOW);
	config = (struct iommu_pgtable_config){
		.platform = unit->platform,
		.levels = levels,
		.table_order = table_bits - TABLE_BITS,
		.input_bits = width,
		.output_bits = unit->config.output_bits,
		.pgsize_bitmap = 1ULL << wanted->page_shift,
		.max_pages = domain->max_table_pages,
		.node = iommu_node_near(domain->near_node, IOMMU_NODE_ANY),
	};
	status = iommu_tce_init(&window->table, &config);
	if (status != 0)
		return status == IOMMU_ENOMEM ? status : OPAL_REFUSE(unit, status, NO_WINDOW);
	window->has_table = true;
	return 0;
}

static void free_table(struct opal_user_window *window)
{
	if (window->has_table)
		iommu_tce_destroy(&window->table);
	window->has_table = false;
}

void iommu_opal_user_destroy(struct opal_domain *domain)
{
	unsigned int i;

	for (i = 0; i < IOMMU_WINDOWS; i++)
		free_table(&domain->windows[i]);
}

/* --- Opening and closing ---------------------------------------------------------------------- */

/* Nothing of the bridge is in doubt or open any more, or the error. */
static int settle(struct opal_unit *unit)
{
	const int status = iommu_opal_settle(unit);
	const int forgotten = iommu_opal_forget_failed(unit);

	iommu_release_confirmed(&unit->set);
	return status != 0 ? status : forgotten;
}

static int unconfirmed(int status)
{
	return status == 0 || status == IOMMU_ETIMEDOUT ? status : IOMMU_EIO;
}

static int user_open(struct iommu_domain *base, const struct iommu_window_config *wanted,
		     iommu_iova_t *start)
{
	struct opal_domain *domain = opal_domain_of(base);
	struct opal_user_window *window = &domain->windows[wanted->number];
	int status = unconfirmed(settle(domain->unit));

	if (status != 0)
		return status;
	if (window->is_open)
		return OPAL_REFUSE(domain->unit, IOMMU_EBUSY, "the window is open");
	free_table(window);
	status = make_table(domain, wanted);
	if (status != 0)
		return status;
	window->is_open = true;
	status = unconfirmed(iommu_opal_reset_windows(domain->unit, domain));
	if (status == 0) {
		*start = start_of(wanted->number);
		return 0;
	}
	window->is_open = false;
	(void)iommu_opal_reset_windows(domain->unit, domain);
	/* If that is not confirmed either, the table waits for the next call. */
	if (settle(domain->unit) == 0)
		free_table(window);
	return status;
}

static int user_close(struct iommu_domain *base, unsigned int number)
{
	struct opal_domain *domain = opal_domain_of(base);
	struct opal_user_window *window = &domain->windows[number];
	int status;

	if (!window->is_open)
		return OPAL_REFUSE(domain->unit, IOMMU_ENOENT, "the window is not open");
	status = unconfirmed(settle(domain->unit));
	if (status != 0)
		return status;
	window->is_open = false;
	status = unconfirmed(iommu_opal_reset_windows(domain->unit, domain));
	if (status == 0) {
		free_table(window);
		return 0;
	}
	window->is_open = true;
	(void)iommu_opal_reset_windows(domain->unit, domain);
	return status;
}

/* --- Entries ---------------------------------------------------------------------------------- */

static int user_prepare(struct iommu_domain *base, unsigned int number, uint64_t index,
			uint64_t count)
{
	struct opal_user_window *window = window_of(base, number);
	const unsigned int shift = window->table.page_shift;

	return iommu_tce_prepare(&window->table, index << shift, (index + count - 1) << shift);
}

static int user_exchange(struct iommu_domain *base, unsigned int number, uint64_t index,
			 iommu_paddr_t paddr, unsigned int prot, iommu_paddr_t *old_paddr,
			 unsigned int *old_prot)
{
	struct opal_user_window *window = window_of(base, number);

	if (index > UINT64_MAX >> window->table.page_shift)
		return IOMMU_ERANGE;
	return iommu_tce_exchange(&window->table, index << window->table.page_shift, paddr, prot,
				  old_paddr, old_prot);
}

static int user_confirm(struct iommu_domain *base, unsigned int number, uint64_t index,
			uint64_t count)
{
	const unsigned int shift = window_of(base, number)->table.page_shift;
	const iommu_iova_t start = start_of(number) + (index << shift);
	const struct iommu_change all = {.last = base->aperture_last};
	const struct iommu_change some = {
		.start = start,
		.last = start + (count << shift) - 1,
		.leaves_only = true,
		.is_map = true,
	};

	return iommu_placed_tell(&opal_domain_of(base)->common, count != 0 ? &some : &all);
}

static int user_get(struct iommu_domain *base, unsigned int number, uint64_t index,
		    iommu_paddr_t *paddr, unsigned int *prot)
{
	struct opal_user_window *window = window_of(base, number);

	*prot = 0;
	if (index > UINT64_MAX >> window->table.page_shift)
		return IOMMU_ERANGE;
	return iommu_tce_iova_to_phys(&window->table, index << window->table.page_shift, paddr,
				      prot) == IOMMU_ERANGE
		       ? IOMMU_ERANGE
		       : 0;
}

static const struct iommu_window_ops user_window_ops = {
	.get_limits = user_get_limits,
	.open = user_open,
	.close = user_close,
	.prepare = user_prepare,
	.exchange = user_exchange,
	.confirm = user_confirm,
	.get = user_get,
};

const struct iommu_domain_ops iommu_opal_user_ops = {
	.attach = iommu_opal_attach,
	.detach = iommu_opal_detach,
	.free = iommu_opal_domain_free,
	.flush_all = iommu_placed_flush_all,
	.get_info = iommu_opal_domain_get_info,
	.windows = &user_window_ops,
};
