/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI functions from configuration space.
 *
 * The array of functions is also the list of what is still to be examined: a bridge's bus is
 * scanned when the bridge's turn comes, so that there is no recursion. It terminates because each
 * bus is scanned once: a bridge is followed only to a bus that has no function yet and is below no
 * other bridge.
 */
#include <libiommu/hw/pci_config.h>
#include <libiommu/pci.h>
#include <libiommu/status.h>

/* Lists of capabilities have no more entries than there is room for. */
#define CAPABILITIES_MAX ((PCI_CONFIG_SIZE - PCI_CAPABILITY_FIRST) / 4)
#define EXTENDED_MAX     ((PCI_CONFIG_EXTENDED_SIZE - PCI_EXTENDED_FIRST) / 4)

#define ACS_ON                                                                                     \
	(IOMMU_PCI_ACS_SOURCE_VALIDATION | IOMMU_PCI_ACS_REQUEST_REDIRECT |                        \
	 IOMMU_PCI_ACS_COMPLETION_REDIRECT | IOMMU_PCI_ACS_UPSTREAM_FORWARDING)
#define ACS_OFF           (IOMMU_PCI_ACS_EGRESS_CONTROL | IOMMU_PCI_ACS_DIRECT_TRANSLATED)

#define PAGE_REQUESTS_MAX 512U
#define FEATURES          (IOMMU_FEATURE_PASID | IOMMU_FEATURE_ATS | IOMMU_FEATURE_PAGE_REQUESTS)

/* --- One function's configuration space --------------------------------------------------- */

struct space {
	const struct iommu_pci_config *config;
	uint16_t segment, id;
};

static uint32_t read_word(const struct space *at, unsigned int offset)
{
	return at->config->read(at->config->ctx, at->segment, at->id, offset);
}

/* Some bridges answer with zeros for what is not there. */
static bool is_there(const struct space *at)
{
	const uint32_t vendor = read_word(at, PCI_CONFIG_ID) & 0xffff;

	return vendor != 0 && vendor != PCI_VENDOR_ABSENT && vendor != PCI_VENDOR_NOT_READY;
}

static bool is_bridge(uint32_t header)
{
	return PCI_HEADER_LAYOUT(header) == PCI_LAYOUT_BRIDGE ||
	       PCI_HEADER_LAYOUT(header) == PCI_LAYOUT_CARDBUS;
}

/* The offset of the PCI Express capability; 0: it has none. */
static unsigned int find_express(const struct space *at)
{
	const bool cardbus =
		PCI_HEADER_LAYOUT(read_word(at, PCI_CONFIG_HEADER)) == PCI_LAYOUT_CARDBUS;
	unsigned int offset, left;

	if ((read_word(at, PCI_CONFIG_COMMAND) & PCI_STATUS_CAPABILITIES) == 0)
		return 0;
	offset =
		read_word(at, cardbus ? PCI_CONFIG_CARDBUS_CAPABILITIES : PCI_CONFIG_CAPABILITIES) &
		0xfc;
	for (left = CAPABILITIES_MAX; offset >= PCI_CAPABILITY_FIRST && left != 0; left--) {
		const uint32_t word = read_word(at, offset);

		if (word == UINT32_MAX)
			return 0;
		if ((word & 0xff) == PCI_CAPABILITY_EXPRESS)
			return offset;
		offset = word >> 8 & 0xfc;
	}
	return 0;
}

/* A register of the PCI Express capability; 0: there is none, or it would lie behind the space. */
static uint32_t read_express(const struct space *at, unsigned int reg)
{
	const unsigned int express = find_express(at);

	if (express == 0 || express + reg + 4 > PCI_CONFIG_SIZE)
		return 0;
	if (reg >= PCI_EXPRESS_DEVICE_2 && PCI_EXPRESS_VERSION(read_word(at, express)) < 2)
		return 0;
	return read_word(at, express + reg);
}

/* The offset of an extended capability of which all registers lie in the space; 0: none. */
static unsigned int find_extended(const struct space *at, uint16_t which, unsigned int length)
{
	unsigned int offset = PCI_EXTENDED_FIRST;
	unsigned int left;

	if (find_express(at) == 0)
		return 0;
	for (left = EXTENDED_MAX; offset >= PCI_EXTENDED_FIRST && left != 0; left--) {
		const uint32_t word = read_word(at, offset);

		if (word == UINT32_MAX || word == 0)
			return 0;
		if ((word & 0xffff) == which)
			return offset + length <= PCI_CONFIG_EXTENDED_SIZE ? offset : 0;
		offset = word >> 20 & 0xffc;
	}
	return 0;
}

/* --- What a function is ------------------------------------------------------------------- */

/* A type that does not fit the header is none: such a function keeps nothing apart. */
static enum iommu_pci_type type_of(const struct space *at, bool bridge)
{
	static const struct {
		bool is_known, is_bridge;
		enum iommu_pci_type type;
	} types[16] = {
		[0] = {true, false, IOMMU_PCI_ENDPOINT},
		[1] = {true, false, IOMMU_PCI_ENDPOINT},
		[4] = {true, true, IOMMU_PCI_ROOT_PORT},
		[5] = {true, true, IOMMU_PCI_UPSTREAM_PORT},
		[6] = {true, true, IOMMU_PCI_DOWNSTREAM_PORT},
		[7] = {true, true, IOMMU_PCI_EXPRESS_TO_PCI},
		[8] = {true, true, IOMMU_PCI_PCI_TO_EXPRESS},
		[9] = {true, false, IOMMU_PCI_INTEGRATED},
		[10] = {true, false, IOMMU_PCI_EVENT_COLLECTOR},
	};
	const unsigned int express = find_express(at);
	const unsigned int type = express != 0 ? PCI_EXPRESS_TYPE(read_word(at, express)) : 0;

	if (express != 0 && types[type].is_known && types[type].is_bridge == bridge)
		return types[type].type;
	return bridge ? IOMMU_PCI_CONVENTIONAL_BRIDGE : IOMMU_PCI_CONVENTIONAL;
}

static void read_acs(const struct space *at, struct iommu_pci_function *function)
{
	const unsigned int acs = find_extended(at, PCI_EXTENDED_ACS, PCI_ACS_LENGTH);
	uint32_t word;

	if (acs == 0)
		return;
	word = read_word(at, acs + PCI_ACS_WORD);
	function->flags |= IOMMU_PCI_HAS_ACS;
	function->acs_capability = (uint16_t)word;
	function->acs_control = (uint16_t)(word >> 16);
	function->acs_offset = (uint16_t)(acs + PCI_ACS_CONTROL);
}

uint16_t iommu_pci_acs_wanted(const struct iommu_pci_function *function)
{
	const unsigned int on = function->acs_capability & ACS_ON;

	if ((function->flags & IOMMU_PCI_HAS_ACS) == 0)
		return 0;
	return (uint16_t)((function->acs_control | on) & ~(unsigned int)ACS_OFF);
}

/* --- Scan --------------------------------------------------------------------------------- */

struct scan {
	const struct iommu_pci_config *config;
	struct iommu_pci_function *functions;
	size_t capacity, count;
	uint16_t segment;
};

/* A bus, and what the bridge to it says. */
struct bus {
	uint8_t number;
	uint8_t last;      /* of those below it */
	bool is_link;      /* to one device */
	bool forwards_ari; /* whose function numbers have eight bits */
};

static uint16_t id_of(unsigned int bus, unsigned int devfn)
{
	return (uint16_t)(bus << 8 | devfn);
}

static struct space space_of(const struct scan *scan, uint16_t id)
{
	return (struct space){scan->config, scan->segment, id};
}

static bool is_port(const struct iommu_pci_function *function)
{
	return function->type == IOMMU_PCI_ROOT_PORT || function->type == IOMMU_PCI_DOWNSTREAM_PORT;
}

/* Neither a function on that bus nor a bridge to it is known. */
static bool bus_is_free(const struct scan *scan, uint8_t bus)
{
	size_t i;

	for (i = 0; i < scan->count; i++)
		if (scan->functions[i].segment == scan->segment &&
		    (scan->functions[i].bus == bus || scan->functions[i].secondary_bus == bus))
			return false;
	return true;
}

/* The bus below a bridge, if it is one to be believed; 0: none. */
static uint8_t bus_below(const struct scan *scan, const struct bus *bus, uint32_t buses)
{
	const uint8_t secondary = (uint8_t)(buses >> 8);

	if (secondary <= bus->number || secondary > bus->last || !bus_is_free(scan, secondary))
		return 0;
	return secondary;
}

static int add_function(struct scan *scan, const struct bus *bus, uint16_t id, bool several)
{
	const struct space at = space_of(scan, id);
	const bool bridge = is_bridge(read_word(&at, PCI_CONFIG_HEADER));
	struct iommu_pci_function *function;

	if (scan->count == scan->capacity)
		return IOMMU_ENOSPC;
	function = &scan->functions[scan->count];
	*function = (struct iommu_pci_function){
		.segment = scan->segment,
		.bus = (uint8_t)(id >> 8),
		.devfn = (uint8_t)id,
		.type = type_of(&at, bridge),
		.flags = several ? IOMMU_PCI_MULTIFUNCTION : 0,
	};
	read_acs(&at, function);
	if (bridge)
		function->secondary_bus = bus_below(scan, bus, read_word(&at, PCI_CONFIG_BUSES));
	scan->count++;
	return 0;
}

/* Functions with numbers of eight bits: each names the next, which is higher. */
static int scan_ari(struct scan *scan, const struct bus *bus, bool several)
{
	struct space at = space_of(scan, id_of(bus->number, 0));
	int status = 0;

	while (status == 0) {
		const unsigned int ari = find_extended(&at, PCI_EXTENDED_ARI, PCI_ARI_LENGTH);
		const uint32_t word = ari != 0 ? read_word(&at, ari + PCI_ARI_WORD) : 0;

		if (PCI_ARI_NEXT(word) <= (at.id & 0xffU))
			break;
		at.id = id_of(bus->number, PCI_ARI_NEXT(word));
		if (!is_there(&at))
			break;
		status = add_function(scan, bus, at.id, several);
	}
	return status;
}

static int scan_device(struct scan *scan, const struct bus *bus, unsigned int device)
{
	struct space at = space_of(scan, id_of(bus->number, device << 3));
	unsigned int function;
	bool several;
	int status;

	if (!is_there(&at))
		return 0;
	several = (read_word(&at, PCI_CONFIG_HEADER) & PCI_HEADER_SEVERAL) != 0;
	status = add_function(scan, bus, at.id, several);
	if (bus->forwards_ari && status == 0 &&
	    find_extended(&at, PCI_EXTENDED_ARI, PCI_ARI_LENGTH) != 0)
		return scan_ari(scan, bus, several);
	for (function = 1; function < 8 && several && status == 0; function++) {
		at.id++;
		if (is_there(&at))
			status = add_function(scan, bus, at.id, several);
	}
	return status;
}

static int scan_bus(struct scan *scan, const struct bus *bus)
{
	const unsigned int devices = bus->is_link ? 1 : 32;
	unsigned int device;
	int status = 0;

	for (device = 0; device < devices && status == 0; device++)
		status = scan_device(scan, bus, device);
	return status;
}

/* The last bus below a bridge, by its word, and not beyond what is below those above it. */
static uint8_t last_bus_below(const struct scan *scan, size_t bridge)
{
	const struct iommu_pci_topology topology = {scan->functions, scan->count};
	uint8_t last = 0xff;

	for (; bridge < scan->count; bridge = iommu_pci_bridge_above(&topology, bridge)) {
		const struct space at = space_of(scan, iommu_pci_id(&scan->functions[bridge]));
		const uint8_t own = (uint8_t)(read_word(&at, PCI_CONFIG_BUSES) >> 16);

		if (own < last)
			last = own;
	}
	return last;
}

static int scan_below(struct scan *scan, size_t bridge)
{
	const struct iommu_pci_function *function = &scan->functions[bridge];
	const struct space at = space_of(scan, iommu_pci_id(function));
	const struct bus bus = {
		.number = function->secondary_bus,
		.last = last_bus_below(scan, bridge),
		.is_link = is_port(function),
		.forwards_ari =
			is_port(function) && (read_express(&at, PCI_EXPRESS_DEVICE_CONTROL_2) &
					      PCI_EXPRESS_ARI_FORWARDING) != 0,
	};

	return bus.number != 0 ? scan_bus(scan, &bus) : 0;
}

/* --- Virtual functions -------------------------------------------------------------------- */

/* May a virtual function of one on `bus` be there? */
static bool place_is_free(const struct scan *scan, uint8_t bus, uint16_t id)
{
	size_t i;

	for (i = 0; i < scan->count; i++)
		if (scan->functions[i].segment == scan->segment &&
		    (iommu_pci_id(&scan->functions[i]) == id ||
		     (id >> 8 != bus && scan->functions[i].secondary_bus == id >> 8)))
			return false;
	return true;
}

static int add_virtual(struct scan *scan, size_t physical, uint16_t id)
{
	const struct iommu_pci_function *owner = &scan->functions[physical];
	const struct space at = space_of(scan, id);
	struct iommu_pci_function *function;

	if (scan->count == scan->capacity)
		return IOMMU_ENOSPC;
	function = &scan->functions[scan->count++];
	*function = (struct iommu_pci_function){
		.segment = scan->segment,
		.bus = (uint8_t)(id >> 8),
		.devfn = (uint8_t)id,
		.type = owner->type,
		.flags = IOMMU_PCI_VIRTUAL,
		.physical_function = iommu_pci_id(owner),
	};
	read_acs(&at, function);
	return 0;
}

static int scan_virtual(struct scan *scan, size_t physical)
{
	const struct iommu_pci_topology topology = {scan->functions, scan->count};
	const struct iommu_pci_function *owner = &scan->functions[physical];
	const struct space at = space_of(scan, iommu_pci_id(owner));
	const unsigned int sriov = find_extended(&at, PCI_EXTENDED_SRIOV, PCI_SRIOV_LENGTH);
	uint32_t count, places, last, i;
	int status = 0;

	if (sriov == 0 || owner->secondary_bus != 0 ||
	    (read_word(&at, sriov + PCI_SRIOV_CONTROL) & PCI_SRIOV_ENABLE) == 0)
		return 0;
	count = read_word(&at, sriov + PCI_SRIOV_COUNT) & 0xffff;
	places = read_word(&at, sriov + PCI_SRIOV_PLACES);
	last = last_bus_below(scan, iommu_pci_bridge_above(&topology, physical));
	for (i = 0; i < count && status == 0; i++) {
		const uint32_t id = at.id + (places & 0xffff) + i * (places >> 16);

		if (id >> 8 > last)
			break;
		if (place_is_free(scan, (uint8_t)(at.id >> 8), (uint16_t)id))
			status = add_virtual(scan, physical, (uint16_t)id);
	}
	return status;
}

int iommu_pci_scan(const struct iommu_pci_config *config, uint16_t segment, uint8_t root_bus,
		   struct iommu_pci_function *functions, size_t capacity, size_t *count)
{
	struct scan scan = {config, functions, capacity, *count, segment};
	const struct bus root = {.number = root_bus, .last = 0xff};
	size_t i, physical_end;
	int status;

	if (config->flags != 0)
		return IOMMU_EINVAL;
	if (!bus_is_free(&scan, root_bus))
		return IOMMU_EEXIST;
	status = scan_bus(&scan, &root);
	for (i = *count; i < scan.count && status == 0; i++)
		status = scan_below(&scan, i);
	/* When all others are known: none takes the place of one. */
	physical_end = scan.count;
	for (i = *count; i < physical_end && status == 0; i++)
		status = scan_virtual(&scan, i);
	if (status == 0)
		*count = scan.count;
	return status;
}

/* --- What the library asks of an endpoint ------------------------------------------------- */

struct way {
	size_t functions[IOMMU_PCI_PATH_MAX]; /* from the function up */
	unsigned int length;
};

static int find_way(const struct iommu_pci_topology *topology, size_t index, struct way *way)
{
	way->length = 0;
	for (; index < topology->count; index = iommu_pci_bridge_above(topology, index)) {
		if (way->length == IOMMU_PCI_PATH_MAX)
			return IOMMU_ERANGE;
		way->functions[way->length++] = index;
	}
	return 0;
}

static void describe_way(const struct iommu_pci_topology *topology, const struct way *way,
			 struct iommu_endpoint_info *info)
{
	unsigned int i;

	for (i = 0; i < way->length; i++) {
		const uint8_t devfn =
			topology->functions[way->functions[way->length - 1 - i]].devfn;

		info->path[i] = (struct iommu_pci_hop){devfn >> 3, devfn & 7};
	}
	info->path_length = (uint8_t)way->length;
	/* A virtual function's own bus may be one that is nowhere. */
	info->root_bus = way->length > 1 ? topology->functions[way->functions[way->length - 1]].bus
					 : (uint8_t)(info->physical_function >> 8);
}

/*
 * Do all on the way let the prefix pass that PASIDs are sent in? There is no way from the root
 * complex itself.
 */
static bool prefixes_pass(const struct iommu_pci_config *config,
			  const struct iommu_pci_topology *topology, const struct way *way,
			  uint16_t physical)
{
	unsigned int i;

	for (i = 0; i < way->length; i++) {
		const struct iommu_pci_function *function = &topology->functions[way->functions[i]];
		const struct space at = {config, function->segment,
					 i == 0 ? physical : iommu_pci_id(function)};

		if (function->type != IOMMU_PCI_INTEGRATED &&
		    (read_express(&at, PCI_EXPRESS_DEVICE_2) & PCI_EXPRESS_PREFIXES) == 0)
			return false;
	}
	return true;
}

static void describe_tlb(const struct space *at, struct iommu_endpoint_info *info)
{
	const unsigned int ats = find_extended(at, PCI_EXTENDED_ATS, PCI_ATS_LENGTH);
	uint32_t word;

	if (ats == 0)
		return;
	word = read_word(at, ats + PCI_ATS_WORD);
	info->device_tlb = true;
	info->tlb_queue_depth = PCI_ATS_QUEUE_DEPTH(word);
	info->tlb_global_invalidate = (word & PCI_ATS_GLOBAL_INVALIDATE) != 0;
	info->tlb_unaligned = (word & PCI_ATS_PAGE_ALIGNED) == 0;
}

static uint32_t pasids_of(const struct space *at)
{
	const unsigned int pasid = find_extended(at, PCI_EXTENDED_PASID, PCI_PASID_LENGTH);
	unsigned int bits;

	if (pasid == 0)
		return 0;
	bits = PCI_PASID_BITS(read_word(at, pasid + PCI_PASID_WORD));
	return 1U << (bits < PCI_PASID_BITS_MAX ? bits : PCI_PASID_BITS_MAX);
}

static void describe_page_requests(const struct space *at, struct iommu_endpoint_info *info)
{
	const unsigned int pri = find_extended(at, PCI_EXTENDED_PRI, PCI_PRI_LENGTH);
	uint32_t capacity;

	if (pri == 0)
		return;
	capacity = read_word(at, pri + PCI_PRI_CAPACITY);
	info->page_requests =
		(uint16_t)(capacity < PAGE_REQUESTS_MAX ? capacity : PAGE_REQUESTS_MAX);
	info->page_responses_without_pasid =
		(read_word(at, pri + PCI_PRI_STATUS) & PCI_PRI_PASID) == 0;
}

/* A virtual function's ids read as all ones: the physical one has them for all of its own. */
static void describe_identity(const struct space *own, const struct space *physical,
			      struct iommu_endpoint_info *info)
{
	const uint32_t id = read_word(physical, PCI_CONFIG_ID);
	const uint32_t class_word = read_word(physical, PCI_CONFIG_CLASS);
	unsigned int sriov;

	info->class_code = class_word >> 8;
	info->revision = (uint8_t)class_word;
	info->vendor = (uint16_t)id;
	info->device = (uint16_t)(id >> 16);
	if (own->id == physical->id)
		return;
	sriov = find_extended(physical, PCI_EXTENDED_SRIOV, PCI_SRIOV_LENGTH);
	if (sriov != 0)
		info->device = (uint16_t)(read_word(physical, sriov + PCI_SRIOV_DEVICE) >> 16);
}

static void describe_features(const struct space *own, const struct space *physical,
			      unsigned int features, struct iommu_endpoint_info *info)
{
	const uint32_t control = read_express(physical, PCI_EXPRESS_DEVICE_CONTROL);

	if (own->id == physical->id && (control & PCI_EXPRESS_PHANTOM_ENABLE) != 0)
		info->phantom_bits =
			PCI_EXPRESS_PHANTOM_BITS(read_express(physical, PCI_EXPRESS_DEVICE));
	if ((features & IOMMU_FEATURE_ATS) != 0)
		describe_tlb(own, info);
	if ((features & IOMMU_FEATURE_PASID) != 0)
		info->max_pasids = pasids_of(physical);
	if ((features & IOMMU_FEATURE_PAGE_REQUESTS) != 0)
		describe_page_requests(physical, info);
}

int iommu_pci_describe(const struct iommu_pci_config *config,
		       const struct iommu_pci_topology *topology, size_t index,
		       unsigned int features, struct iommu_endpoint_info *info)
{
	const struct iommu_pci_function *function;
	struct space own, physical;
	struct way way;
	int status;

	if (index >= topology->count || (features & ~(unsigned int)FEATURES) != 0 ||
	    config->flags != 0)
		return IOMMU_EINVAL;
	function = &topology->functions[index];
	own = (struct space){config, function->segment, iommu_pci_id(function)};
	physical = own;
	if ((function->flags & IOMMU_PCI_VIRTUAL) != 0)
		physical.id = function->physical_function;
	if (!is_there(&physical))
		return IOMMU_ENODEV;
	status = find_way(topology, index, &way);
	if (status != 0)
		return status;
	*info = (struct iommu_endpoint_info){
		.segment = function->segment,
		.source_id = own.id,
		.physical_function = physical.id,
	};
	describe_identity(&own, &physical, info);
	describe_way(topology, &way, info);
	describe_features(&own, &physical, features, info);
	if (info->max_pasids != 0 && !prefixes_pass(config, topology, &way, physical.id))
		info->max_pasids = 0;
	return 0;
}
