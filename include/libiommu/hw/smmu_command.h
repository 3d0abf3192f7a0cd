/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: commands of Arm's SMMUv3 (IHI 0070, chapter 4, "Commands": 4.1 overview, 4.2
 * prefetch, 4.3 configuration caches, 4.4 TLB, 4.5 ATS and PRI, 4.7 faults and CMD_SYNC).
 *
 * Two 64-bit words, little-endian; 7:0 of the first is the opcode. Commands have no order among
 * them, except through CMD_SYNC.
 */
#ifndef LIBIOMMU_HW_SMMU_COMMAND_H
#define LIBIOMMU_HW_SMMU_COMMAND_H

#include <libiommu/hw/smmu_field.h>

#define SMMU_COMMAND_SIZE  16U
#define SMMU_COMMAND_WORDS 2

struct smmu_command {
	smmu_word_t words[SMMU_COMMAND_WORDS];
};

enum smmu_opcode {
	SMMU_PREFETCH_CONFIG = 0x01,
	SMMU_PREFETCH_ADDR = 0x02,
	SMMU_CFGI_STE = 0x03,
	SMMU_CFGI_STE_RANGE = 0x04, /* with range 31: CFGI_ALL */
	SMMU_CFGI_CD = 0x05,
	SMMU_CFGI_CD_ALL = 0x06,
	SMMU_TLBI_NH_ALL = 0x10,
	SMMU_TLBI_NH_ASID = 0x11,
	SMMU_TLBI_NH_VA = 0x12,
	SMMU_TLBI_NH_VAA = 0x13,
	SMMU_TLBI_EL2_ALL = 0x20,
	SMMU_TLBI_EL2_ASID = 0x21,
	SMMU_TLBI_EL2_VA = 0x22,
	SMMU_TLBI_EL2_VAA = 0x23,
	SMMU_TLBI_S12_VMALL = 0x28,
	SMMU_TLBI_S2_IPA = 0x2a,
	SMMU_TLBI_NSNH_ALL = 0x30,
	SMMU_ATC_INV = 0x40,
	SMMU_PRI_RESP = 0x41,
	SMMU_RESUME = 0x44,
	SMMU_STALL_TERM = 0x45,
	SMMU_SYNC = 0x46,
};

#define SMMU_COMMAND_OPCODE SMMU_FIELD(0, 7, 0)
#define SMMU_COMMAND_SSEC   SMMU_BIT(0, 10) /* a Secure stream: illegal in this queue */
#define SMMU_COMMAND_SSV    SMMU_BIT(0, 11) /* there is a SubstreamID */
#define SMMU_COMMAND_SSID   SMMU_FIELD(0, 31, 12)
#define SMMU_COMMAND_SID    SMMU_FIELD(0, 63, 32)

/* From its words; a function, because these headers are C++, too. */
static inline struct smmu_command smmu_command_of(uint64_t word0, uint64_t word1)
{
	struct smmu_command c;

	c.words[0] = word0;
	c.words[1] = word1;
	return c;
}

static inline unsigned int smmu_command_opcode(const struct smmu_command *c)
{
	return (unsigned int)smmu_get(c->words, SMMU_COMMAND_OPCODE);
}

static inline uint32_t smmu_command_sid(const struct smmu_command *c)
{
	return (uint32_t)smmu_get(c->words, SMMU_COMMAND_SID);
}

static inline uint32_t smmu_command_ssid(const struct smmu_command *c)
{
	return (uint32_t)smmu_get(c->words, SMMU_COMMAND_SSID);
}

/* A command to a stream. */
static inline struct smmu_command smmu_command_for(enum smmu_opcode opcode, uint32_t sid)
{
	return smmu_command_of((uint64_t)opcode | smmu_place(SMMU_COMMAND_SID, sid), 0);
}

/* … of a substream. */
static inline struct smmu_command smmu_command_with_ssid(struct smmu_command c, uint32_t ssid)
{
	smmu_set(c.words, SMMU_COMMAND_SSV, 1);
	smmu_set(c.words, SMMU_COMMAND_SSID, ssid);
	return c;
}

/* --- 4.3 configuration caches ----------------------------------------------------------------- */

#define SMMU_CFGI_LEAF      SMMU_BIT(1, 0) /* not the level 1 descriptors */
#define SMMU_CFGI_RANGE     SMMU_FIELD(1, 4, 0)
#define SMMU_CFGI_RANGE_ALL 31U

/* The STE of a stream, with its CDs; `leaf`: not the descriptor that leads to it. */
static inline struct smmu_command smmu_cfgi_ste(uint32_t sid, bool leaf)
{
	struct smmu_command c = smmu_command_for(SMMU_CFGI_STE, sid);

	smmu_set(c.words, SMMU_CFGI_LEAF, leaf ? 1 : 0);
	return c;
}

/* The STEs of the 2^order streams around one, with all descriptors that lead to them; order > 0. */
static inline struct smmu_command smmu_cfgi_ste_range(uint32_t sid, unsigned int order)
{
	struct smmu_command c = smmu_command_for(SMMU_CFGI_STE_RANGE, sid);

	smmu_set(c.words, SMMU_CFGI_RANGE, order - 1);
	return c;
}

static inline struct smmu_command smmu_cfgi_all(void)
{
	return smmu_command_of(SMMU_CFGI_STE_RANGE, SMMU_CFGI_RANGE_ALL);
}

/* One CD; SubstreamID 0 where there are no substreams. */
static inline struct smmu_command smmu_cfgi_cd(uint32_t sid, uint32_t ssid, bool leaf)
{
	struct smmu_command c = smmu_command_for(SMMU_CFGI_CD, sid);

	smmu_set(c.words, SMMU_COMMAND_SSID, ssid);
	smmu_set(c.words, SMMU_CFGI_LEAF, leaf ? 1 : 0);
	return c;
}

static inline struct smmu_command smmu_cfgi_cd_all(uint32_t sid)
{
	return smmu_command_for(SMMU_CFGI_CD_ALL, sid);
}

/* --- 4.4 TLB ---------------------------------------------------------------------------------- */

#define SMMU_TLBI_VMID    SMMU_FIELD(0, 47, 32)
#define SMMU_TLBI_ASID    SMMU_FIELD(0, 63, 48)
#define SMMU_TLBI_LEAF    SMMU_BIT(1, 0) /* not the entries of tables */
#define SMMU_TLBI_ADDRESS SMMU_FIELD(1, 63, 12)
#define SMMU_TLBI_IPA     SMMU_FIELD(1, 55, 12)

/* With IDR3.RIL; 0 without. */
#define SMMU_TLBI_NUM   SMMU_FIELD(0, 16, 12)
#define SMMU_TLBI_SCALE SMMU_FIELD(0, 24, 20)
#define SMMU_TLBI_TTL   SMMU_FIELD(1, 9, 8)   /* level of the leaves; 0: any */
#define SMMU_TLBI_TG    SMMU_FIELD(1, 11, 10) /* enum smmu_tlbi_granule */

enum smmu_tlbi_granule {
	SMMU_TLBI_NO_RANGE = 0,
	SMMU_TLBI_4K = 1,
	SMMU_TLBI_16K = 2,
	SMMU_TLBI_64K = 3,
};

#define SMMU_TLBI_PAGES_MAX_LOG2 36U /* 32 * 2^31 */

/* Without an address; VMID and ASID are 0 where the opcode has none. */
static inline struct smmu_command smmu_tlbi(enum smmu_opcode opcode, uint16_t vmid, uint16_t asid)
{
	return smmu_command_of((uint64_t)opcode | smmu_place(SMMU_TLBI_VMID, vmid) |
				       smmu_place(SMMU_TLBI_ASID, asid),
			       0);
}

/* … of the entry, of whatever size, at an address. */
static inline struct smmu_command smmu_tlbi_at(struct smmu_command c, uint64_t address, bool leaf)
{
	smmu_set_address(c.words, SMMU_TLBI_ADDRESS, address);
	smmu_set(c.words, SMMU_TLBI_LEAF, leaf ? 1 : 0);
	return c;
}

/*
 * … of (num + 1) * 2^scale pages from there on. num, scale and ttl that are all 0 are reserved with
 * a granule.
 */
static inline struct smmu_command smmu_tlbi_range(struct smmu_command c,
						  enum smmu_tlbi_granule granule, unsigned int num,
						  unsigned int scale, unsigned int ttl)
{
	smmu_set(c.words, SMMU_TLBI_TG, (uint64_t)granule);
	smmu_set(c.words, SMMU_TLBI_NUM, num);
	smmu_set(c.words, SMMU_TLBI_SCALE, scale);
	smmu_set(c.words, SMMU_TLBI_TTL, ttl);
	return c;
}

/* log2 of a page; 0: no range. */
static inline unsigned int smmu_tlbi_shift(const struct smmu_command *c)
{
	static const uint8_t shifts[4] = {0, 12, 14, 16};

	return shifts[smmu_get(c->words, SMMU_TLBI_TG)];
}

/* Pages of a range. */
static inline uint64_t smmu_tlbi_pages(const struct smmu_command *c)
{
	return (smmu_get(c->words, SMMU_TLBI_NUM) + 1) << smmu_get(c->words, SMMU_TLBI_SCALE);
}

/* --- 4.5 ATS and PRI -------------------------------------------------------------------------- */

#define SMMU_ATC_GLOBAL   SMMU_BIT(0, 9) /* entries of all PASIDs */
#define SMMU_ATC_SIZE     SMMU_FIELD(1, 5, 0)
#define SMMU_ATC_ADDRESS  SMMU_FIELD(1, 63, 12)
#define SMMU_ATC_SIZE_ALL 52U

/* The 2^order pages of 4 KiB around an address; an order of 52 and above: all. */
static inline struct smmu_command smmu_atc_inv(uint32_t sid, uint64_t address, unsigned int order)
{
	struct smmu_command c = smmu_command_for(SMMU_ATC_INV, sid);

	if (order >= SMMU_ATC_SIZE_ALL) {
		smmu_set(c.words, SMMU_ATC_SIZE, SMMU_ATC_SIZE_ALL);
		return c;
	}
	smmu_set_address(c.words, SMMU_ATC_ADDRESS, address & ~((4096ULL << order) - 1));
	smmu_set(c.words, SMMU_ATC_SIZE, order);
	return c;
}

#define SMMU_PRI_RESP_GROUP    SMMU_FIELD(1, 8, 0)
#define SMMU_PRI_RESP_RESPONSE SMMU_FIELD(1, 13, 12)

enum smmu_pri_response {
	SMMU_PRI_FAILURE = 0, /* no further request is welcome */
	SMMU_PRI_INVALID = 1, /* this one cannot be served */
	SMMU_PRI_SUCCESS = 2,
};

static inline struct smmu_command smmu_pri_resp(uint32_t sid, uint16_t group,
						enum smmu_pri_response response)
{
	struct smmu_command c = smmu_command_for(SMMU_PRI_RESP, sid);

	smmu_set(c.words, SMMU_PRI_RESP_GROUP, group);
	smmu_set(c.words, SMMU_PRI_RESP_RESPONSE, (uint64_t)response);
	return c;
}

/* --- 4.7 stalled transactions ----------------------------------------------------------------- */

#define SMMU_RESUME_AC   SMMU_BIT(0, 12) /* retry; 0: terminate … */
#define SMMU_RESUME_AB   SMMU_BIT(0, 13) /* … with an abort; 0: reads are 0, writes ignored */
#define SMMU_RESUME_STAG SMMU_FIELD(1, 15, 0)

enum smmu_resume {
	SMMU_RESUME_TERMINATE = 0,
	SMMU_RESUME_RETRY = 1,
	SMMU_RESUME_ABORT = 2,
};

static inline struct smmu_command smmu_resume(uint32_t sid, uint16_t stag, enum smmu_resume how)
{
	struct smmu_command c = smmu_command_for(SMMU_RESUME, sid);

	smmu_set(c.words, SMMU_RESUME_STAG, stag);
	smmu_set(c.words, SMMU_RESUME_AC, how == SMMU_RESUME_RETRY ? 1 : 0);
	smmu_set(c.words, SMMU_RESUME_AB, how == SMMU_RESUME_ABORT ? 1 : 0);
	return c;
}

/* All of a stream. */
static inline struct smmu_command smmu_stall_term(uint32_t sid)
{
	return smmu_command_for(SMMU_STALL_TERM, sid);
}

/* --- 4.7 CMD_SYNC: all earlier commands are complete ---------------------------------------- */

#define SMMU_SYNC_CS          SMMU_FIELD(0, 13, 12) /* enum smmu_sync_signal */
#define SMMU_SYNC_MSH         SMMU_FIELD(0, 23, 22)
#define SMMU_SYNC_MSI_ATTR    SMMU_FIELD(0, 27, 24)
#define SMMU_SYNC_MSI_DATA    SMMU_FIELD(0, 63, 32)
#define SMMU_SYNC_MSI_ADDRESS SMMU_FIELD(1, 55, 2) /* 0: no store, an interrupt by wire */

enum smmu_sync_signal {
	SMMU_SYNC_NONE = 0,
	SMMU_SYNC_IRQ = 1, /* a store (IDR0.MSI), or the wire */
	SMMU_SYNC_SEV = 2,
};

static inline struct smmu_command smmu_sync(enum smmu_sync_signal signal)
{
	return smmu_command_of(SMMU_SYNC | smmu_place(SMMU_SYNC_CS, (uint64_t)signal), 0);
}

/* … with a store of 4 bytes to an address that is a multiple of 4, write-back, inner shareable. */
static inline struct smmu_command smmu_sync_store(uint64_t address, uint32_t data)
{
	struct smmu_command c = smmu_sync(SMMU_SYNC_IRQ);

	smmu_set(c.words, SMMU_SYNC_MSH, SMMU_INNER_SHAREABLE);
	smmu_set(c.words, SMMU_SYNC_MSI_ATTR, SMMU_NORMAL_WRITE_BACK);
	smmu_set(c.words, SMMU_SYNC_MSI_DATA, data);
	smmu_set_address(c.words, SMMU_SYNC_MSI_ADDRESS, address);
	return c;
}

#endif
