/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a unit forgets while devices work on, and commands of its queue are executed newest first:
 * for the tests of a driver (test_riscv.c, test_smmu.c), which include this behind their machine:
 *
 *   f.devices, paging, map, ask, use, use_kept, end
 *   begin_unordered       a unit that executes commands in another order, and its devices
 *   stall                 it executes no commands, or does again
 *   f.reads, f.forgot     called when the unit reads memory; when a device has forgotten something
 *   f.stalls_after        so many doorbells from now it stalls; 0: it does not, or has
 *   queue_words, queue_tail, is_configuration, is_completion    what lies in its queue
 */
#ifndef COMMAND_ORDER_H
#define COMMAND_ORDER_H

#define ORDERED_PASID 9

/* Devices do not stop while hardware is told to forget what they had. */
static void work_on(void)
{
	iommu_paddr_t seen;

	(void)use(0, 0, IOVA, &seen);
	(void)use(0, ORDERED_PASID, IOVA, &seen);
	f.fault_count = 0;
}

static void ask_again(void)
{
	(void)ask(0, 0, IOVA);
	(void)ask(0, ORDERED_PASID, IOVA);
	f.fault_count = 0;
}

/* What was forgotten does not come back through what is forgotten after it. */
static void busy(bool works)
{
	f.reads = works ? work_on : NULL;
	f.forgot = works ? ask_again : NULL;
}

static void has_nothing(uint32_t pasid)
{
	iommu_paddr_t seen = 0;

	assert_int_not_equal(use(0, pasid, IOVA, &seen), 0);
	assert_false(use_kept(0, pasid, IOVA, &seen));
	f.fault_count = 0;
}

/* What comes next to a configuration's command in the queue is another one, or a completion. */
static void configurations_come_first(void)
{
	const uint64_t *words = queue_words();
	const uint64_t tail = queue_tail();
	uint64_t i;

	for (i = 0; i + 1 < tail; i++) {
		const uint64_t next = iommu_le64(words[2 * i + 2]);

		if (is_configuration(iommu_le64(words[2 * i])))
			assert_true(is_configuration(next) || is_completion(next));
	}
}

static void forget_a_domain(enum iommu_stage stage)
{
	struct iommu_domain *one, *other;
	struct iommu_group *group;

	begin_unordered();
	group = f.devices[0].group;
	one = paging(stage);
	other = paging(stage);
	(void)map(one, IOVA);
	assert_int_equal(iommu_domain_attach_group(one, group), 0);
	assert_true(ask(0, 0, IOVA));
	/* Translations, and then the device. */
	busy(true);
	assert_int_equal(iommu_unmap(one, IOVA, PAGE, 0, NULL), 0);
	busy(false);
	has_nothing(0);
	/* The configuration, translations, and the device. */
	(void)map(one, IOVA);
	assert_true(ask(0, 0, IOVA));
	busy(true);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	busy(false);
	/* No unit has to be told of an unmap in a domain that is not attached. */
	assert_int_equal(iommu_unmap(one, IOVA, PAGE, 0, NULL), 0);
	assert_int_equal(iommu_domain_attach_group(one, group), 0);
	has_nothing(0);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(one), 0);
	assert_int_equal(iommu_domain_attach_group(other, group), 0);
	has_nothing(0);
	(void)map(other, IOVA);
	assert_true(ask(0, 0, IOVA));
	/* In place. */
	one = paging(stage);
	busy(true);
	assert_int_equal(iommu_domain_attach_group(one, group), 0);
	busy(false);
	has_nothing(0);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(one), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	end();
}

static void forget_a_pasid(void)
{
	struct iommu_pasid_handle handles[2] = {0};
	struct iommu_domain *one, *other;
	struct iommu_group *group;

	begin_unordered();
	group = f.devices[0].group;
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			 0);
	one = paging(IOMMU_STAGE_FIRST);
	other = paging(IOMMU_STAGE_FIRST);
	(void)map(one, IOVA);
	assert_int_equal(iommu_domain_attach_pasid(one, group, ORDERED_PASID, &handles[0]), 0);
	assert_true(ask(0, ORDERED_PASID, IOVA));
	busy(true);
	assert_int_equal(iommu_domain_detach_pasid(group, ORDERED_PASID), 0);
	busy(false);
	configurations_come_first();
	assert_int_equal(iommu_unmap(one, IOVA, PAGE, 0, NULL), 0);
	assert_int_equal(iommu_domain_attach_pasid(one, group, ORDERED_PASID, &handles[0]), 0);
	has_nothing(ORDERED_PASID);
	assert_int_equal(iommu_domain_detach_pasid(group, ORDERED_PASID), 0);
	assert_int_equal(iommu_domain_free(one), 0);
	assert_int_equal(iommu_domain_attach_pasid(other, group, ORDERED_PASID, &handles[1]), 0);
	has_nothing(ORDERED_PASID);
	assert_int_equal(iommu_domain_detach_pasid(group, ORDERED_PASID), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	end();
}

static void commands_have_no_order(void **state)
{
	(void)state;
	forget_a_domain(IOMMU_STAGE_FIRST);
	forget_a_domain(IOMMU_STAGE_SECOND);
	forget_a_pasid();
}

/* Whichever of the commands of a block is not executed, the caller is told; page requests, too. */
static void a_block_waits_for_all(void **state)
{
	static const enum iommu_feature features[] = {IOMMU_FEATURE_PASID, IOMMU_FEATURE_ATS,
						      IOMMU_FEATURE_PAGE_REQUESTS};
	struct iommu_domain *domain, *blocked = NULL;
	struct iommu_pasid_handle handle;
	struct iommu_group *group;
	unsigned int i, nth, other;

	(void)state;
	begin_unordered();
	group = f.devices[0].group;
	domain = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_BLOCKED, NULL, &blocked), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, features[i]),
				 0);
	for (other = 0; other < 2; other++) {
		for (nth = 1, i = 0; i == 0; nth++) {
			int status;

			assert_int_equal(iommu_domain_attach_group(domain, group), 0);
			if (other != 0)
				assert_int_equal(iommu_domain_attach_pasid(domain, group,
									   ORDERED_PASID, &handle),
						 0);
			f.stalls_after = nth;
			status = iommu_domain_attach_group(blocked, group);
			/* The last round: it has not come so far. */
			i = f.stalls_after;
			f.stalls_after = 0;
			stall(false);
			assert_int_equal(status == 0, i != 0);
			if (other != 0)
				assert_int_equal(iommu_domain_detach_pasid(group, ORDERED_PASID),
						 0);
			assert_int_equal(iommu_domain_detach_group(group), 0);
		}
		assert_true(nth > 2);
	}
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_domain_free(blocked), 0);
	end();
}

#endif
