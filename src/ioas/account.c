/* SPDX-License-Identifier: BSD-2-Clause */
/* Accounts: what several files have pinned together, and the limit of that. */
#include "ioas/ioas.h"

int iommu_account_create(struct iommu *iommu, uint64_t pinned_pages, struct iommu_account **result)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	struct iommu_account *account = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);

	if (account == NULL)
		return iommu_refuse_now(iommu, IOMMU_CALL, "", IOMMU_ENOMEM, "");
	account->iommu = iommu;
	iommu_account_set_limit(account, pinned_pages);
	*result = account;
	return 0;
}

int iommu_account_destroy(struct iommu_account *account)
{
	const struct iommu_platform *platform;

	if (account == NULL)
		return 0;
	platform = iommu_platform_of(account->iommu);
	if (__atomic_load_n(&account->files, __ATOMIC_ACQUIRE) != 0)
		return iommu_refuse_now(account->iommu, IOMMU_CALL, "", IOMMU_EBUSY,
					IOMMU_WHY("a file uses the account"));
	platform->free_pages(platform->ctx, account, 0);
	return 0;
}

void iommu_account_set_limit(struct iommu_account *account, uint64_t pinned_pages)
{
	const size_t limit =
		pinned_pages != 0 && pinned_pages < SIZE_MAX ? (size_t)pinned_pages : SIZE_MAX;

	__atomic_store_n(&account->limit, limit, __ATOMIC_RELAXED);
}

uint64_t iommu_account_pinned(const struct iommu_account *account)
{
	return __atomic_load_n(&account->pinned, __ATOMIC_RELAXED);
}

void iommu_file_use_account(struct iommu_file *file, struct iommu_account *account)
{
	if (account != NULL)
		__atomic_add_fetch(&account->files, 1, __ATOMIC_RELAXED);
	if (file->limits.account != NULL)
		__atomic_sub_fetch(&file->limits.account->files, 1, __ATOMIC_RELEASE);
	file->limits.account = account;
}

int iommu_file_set_account(struct iommu_file *file, struct iommu_account *account)
{
	int status = 0;

	iommu_file_lock(file);
	if (file->closed)
		status = iommu_file_refuse(file, "", IOMMU_ENODEV,
					   IOMMU_WHY("the file is being destroyed"));
	else if (file->objects != 0)
		status =
			iommu_file_refuse(file, "", IOMMU_EBUSY, IOMMU_WHY("the file has objects"));
	else
		iommu_file_use_account(file, account);
	return iommu_file_end(file, IOMMU_CALL, status);
}

/* As many of these as a counter may take. */
static size_t grant(size_t *counter, uint64_t pages, size_t limit)
{
	size_t taken = __atomic_load_n(counter, __ATOMIC_RELAXED);
	size_t granted;

	do {
		granted = taken < limit ? limit - taken : 0;
		granted = pages < granted ? (size_t)pages : granted;
	} while (!__atomic_compare_exchange_n(counter, &taken, taken + granted, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return granted;
}

uint64_t iommu_file_charge_pins(struct iommu_file *file, uint64_t pages)
{
	const uint64_t allowed = file->limits.pinned_pages;
	const size_t limit = allowed != 0 && allowed < SIZE_MAX ? (size_t)allowed : SIZE_MAX;
	struct iommu_account *account = file->limits.account;
	const size_t granted = grant(&file->pinned, pages, limit);
	size_t of_account;

	if (account == NULL)
		return granted;
	of_account = grant(&account->pinned, granted,
			   __atomic_load_n(&account->limit, __ATOMIC_RELAXED));
	iommu_file_discharge(&file->pinned, granted - of_account);
	return of_account;
}

void iommu_file_discharge_pins(struct iommu_file *file, uint64_t pages)
{
	iommu_file_discharge(&file->pinned, pages);
	if (file->limits.account != NULL)
		iommu_file_discharge(&file->limits.account->pinned, pages);
}
