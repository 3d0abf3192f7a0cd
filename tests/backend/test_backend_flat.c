/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The example back end, made of installed headers alone, passes the kit (kit.h). A step is a write
 * to a register that starts something.
 */
#include "flat_hardware.h"
#include "kit.h"
#include "test.h"

static void before(unsigned int offset)
{
	enum kit_answer answer = KIT_OBEY;

	kit_look();
	if (offset == FLAT_INVALIDATE || offset == FLAT_CONTROL)
		answer = kit_step();
	if (answer == KIT_OBEY)
		return;
	if (offset == FLAT_CONTROL)
		flat_hardware.keeps_going = true;
	else if (answer == KIT_LIE)
		flat_hardware.is_slow = true;
	else
		flat_hardware.hangs = true;
}

/* Hardware that refuses once obeys the next time. */
static void after(void)
{
	flat_hardware.hangs = flat_hardware.is_slow = flat_hardware.keeps_going = false;
	kit_look();
}

static void begin(struct test_platform *test)
{
	flat_hardware_begin(&test->platform);
	flat_hardware.before = before;
	flat_hardware.after = after;
}

static void end(void)
{
}

static int probe(struct iommu *iommu)
{
	return flat_probe(iommu, FLAT_REGISTERS);
}

static bool dma(unsigned int device, iommu_iova_t address, iommu_paddr_t *paddr)
{
	*paddr = flat_hardware_reach(device + 1, address, FLAT_READ);
	return *paddr != 0;
}

static uint16_t source_id(unsigned int device)
{
	return (uint16_t)(device + 1);
}

int main(void)
{
	static const struct kit_backend backend = {
		.name = "flat",
		.page = IOMMU_PAGE_SIZE,
		.leaf = 3,
		.start = 0x10000,
		.stride = 0x60000,
		.large_pages = 80,
		.devices = 3,
		.is_open_when_off = true,
		.reports_faults = true,
		.begin = begin,
		.end = end,
		.probe = probe,
		.dma = dma,
		.source_id = source_id,
		.mend = flat_hardware_mend,
		.sleep = flat_hardware_sleep,
	};

	return kit_run(&backend, 1);
}
