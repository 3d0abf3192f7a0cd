// SPDX-License-Identifier: BSD-2-Clause
#include "slices.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <thread>
#include <vector>

#include "check.h"
#include "rows.h"
#include "step.h"

namespace bench
{

namespace
{

using Clock = std::chrono::steady_clock;

double nanoseconds_since(Clock::time_point begin)
{
	return std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
}

constexpr double slice_ns = 25000;
constexpr size_t stack_bytes = 1 << 20;

struct Options {
	std::regex filter{"."};
	std::string rows_file, json_file;
	unsigned int slices = 800; // of each side
	double row_seconds = 2;    // a row takes no longer, but for its fewest slices
	unsigned int fewest = 5;
	bool quick = false;
	uint64_t counted = 128;     // operations whose instructions are counted
	double count_seconds = 0.3; // a side takes about that long for it
} options;

struct Row {
	std::string name;
	std::string base; // the row of the same work on one thread
	std::vector<std::unique_ptr<Side>> sides;
};

std::vector<Row> rows;
std::map<std::string, double> medians; // by row and side
std::vector<int> cpus;                 // that the process may run on

Row &row_named(const std::string &name)
{
	for (Row &row : rows)
		if (row.name == name)
			return row;
	rows.emplace_back();
	rows.back().name = name;
	return rows.back();
}

} // namespace

struct Side {
	std::string name;
	Workload workload;

	// The workload's stack, and where the harness waits for it.
	ucontext_t own, harness;
	void *stack = nullptr;

	// The slice at hand.
	uint64_t operations = 0, of_each = 1;
	double elapsed = 0;
	Clock::time_point started;
	bool counting = false, warming = false, ended = false;
	step_counts counted = {};

	// What was measured.
	uint64_t usual = 1; // operations in a slice
	std::vector<double> times;
	uint64_t counted_operations = 0;
	std::map<std::string, double> notes;
};

// --- What a workload calls -----------------------------------------------------------------------

uint64_t State::slice()
{
	check(swapcontext(&side.own, &side.harness) == 0);
	return side.operations;
}

void State::start()
{
	if (side.counting)
		step_begin();
	else
		side.started = Clock::now();
}

void State::stop()
{
	if (side.counting) {
		const step_counts part = step_end();

		side.counted.instructions += part.instructions;
		side.counted.locked += part.locked;
		return;
	}
	side.elapsed += nanoseconds_since(side.started);
}

void State::took(double nanoseconds)
{
	side.elapsed += nanoseconds;
}

void State::things(uint64_t count)
{
	side.of_each = count;
}

void State::at_least(uint64_t operations)
{
	side.usual = operations;
}

void State::note(const std::string &name, double value)
{
	side.notes[name] = value;
}

// The first eighth of a slice is not timed: the caches and the branch predictor are another side's.
uint64_t State::timed_operations()
{
	uint64_t operations;

	if (!side.warming) {
		if (side.operations != 0)
			stop();
		operations = slice();
		if (operations == 0)
			return 0;
		if (operations >= 8) {
			side.warming = true;
			return operations / 8;
		}
	}
	side.warming = false;
	start();
	return side.operations;
}

void add(const std::string &row, const std::string &side, Workload workload)
{
	auto made = std::make_unique<Side>();

	made->name = side;
	made->workload = std::move(workload);
	row_named(row).sides.push_back(std::move(made));
}

void compare_threads(const std::string &row, const std::string &base)
{
	row_named(row).base = base;
}

// --- Slices --------------------------------------------------------------------------------------

namespace
{

Side *entering;

void enter()
{
	Side &side = *entering;
	State state(side);

	side.workload(state);
	side.ended = true;
	swapcontext(&side.own, &side.harness);
}

// Lets the workload run until it asks for the next slice.
void resume(Side &side)
{
	entering = &side;
	check(swapcontext(&side.harness, &side.own) == 0);
}

void set_up(Side &side)
{
	side.stack = mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	check(side.stack != MAP_FAILED && getcontext(&side.own) == 0);
	side.own.uc_stack.ss_sp = side.stack;
	side.own.uc_stack.ss_size = stack_bytes;
	makecontext(&side.own, enter, 0);
	resume(side);
}

void take_down(Side &side)
{
	side.operations = 0;
	resume(side);
	check(side.ended);
	munmap(side.stack, stack_bytes);
}

// Nanoseconds of so many operations.
double run_slice(Side &side, uint64_t operations)
{
	side.operations = operations;
	side.elapsed = 0;
	resume(side);
	return side.elapsed;
}

// What is not timed of an operation may take much longer than what is.
bool fills_slice(Side &side, double &took)
{
	const Clock::time_point begin = Clock::now();

	took = run_slice(side, side.usual);
	return took > slice_ns / 2 || nanoseconds_since(begin) > 40 * slice_ns;
}

// How many operations fill a slice. Twice in a row, because other programs' time fills it, too.
void calibrate(Side &side)
{
	double took = 0, again = 0;

	const uint64_t fewest = side.usual;

	run_slice(side, fewest);
	while (side.usual < 1ULL << 20 && !(fills_slice(side, took) && fills_slice(side, again)))
		side.usual *= 2;
	took = std::min(took, again);
	if (took > slice_ns / 2 && side.usual > fewest)
		side.usual = std::max<uint64_t>(
			fewest,
			static_cast<uint64_t>(static_cast<double>(side.usual) * slice_ns / took));
}

uint64_t next_random()
{
	static uint64_t random = 88172645463325252;

	random ^= random << 13;
	random ^= random >> 7;
	random ^= random << 17;
	return random;
}

void take_turns(Row &row)
{
	const Clock::time_point begin = Clock::now();
	std::vector<Side *> order;

	for (auto &side : row.sides)
		order.push_back(side.get());
	for (unsigned int turn = 0; turn < options.slices; turn++) {
		if (turn >= options.fewest && nanoseconds_since(begin) > options.row_seconds * 1e9)
			return;
		for (size_t i = order.size(); i > 1; i--)
			std::swap(order[i - 1], order[next_random() % i]);
		for (Side *side : order)
			side->times.push_back(run_slice(*side, side->usual) /
					      static_cast<double>(side->usual * side->of_each));
	}
}

double part_of(const std::vector<double> &sorted, double part)
{
	return sorted[static_cast<size_t>(part * static_cast<double>(sorted.size() - 1) + 0.5)];
}

double median(const Side &side)
{
	return part_of(side.times, 0.5);
}

double spread(const Side &side)
{
	return median(side) > 0
		       ? (part_of(side.times, 0.9) - part_of(side.times, 0.1)) / median(side)
		       : 0;
}

// Nanoseconds of one trap: hundreds, or on some virtual machines many thousands.
double trap_ns()
{
	static double each;

	if (each == 0) {
		const Clock::time_point begin = Clock::now();

		step_begin();
		for (unsigned int i = 0; i < 200; i++)
			keep(i);
		each = nanoseconds_since(begin) /
		       static_cast<double>(std::max<uint64_t>(1, step_end().instructions));
	}
	return each;
}

void count_operations(Side &side, uint64_t operations)
{
	side.counted = {};
	side.counted_operations = operations;
	side.counting = true;
	run_slice(side, operations);
	side.counting = false;
	if (side.counted.instructions == 0)
		side.counted_operations = 0; // on threads of its own
}

// One operation, and as many more as there is time for: what happens now and then takes part.
void count(Side &side)
{
	const double traps = options.count_seconds * 1e9 / trap_ns();
	const double expected = median(side) * static_cast<double>(side.of_each) * 10;

	if (!step_possible() || expected > traps * 2)
		return;
	count_operations(side, 1);
	if (side.counted.instructions == 0)
		return;
	count_operations(side,
			 std::clamp<uint64_t>(
				 static_cast<uint64_t>(
					 traps / static_cast<double>(side.counted.instructions)),
				 1, options.counted));
}

// --- Results -------------------------------------------------------------------------------------

double per_operation(const Side &side, uint64_t total)
{
	return static_cast<double>(total) /
	       static_cast<double>(side.counted_operations * side.of_each);
}

void print_heading()
{
	printf("%-24s %-16s %12s %12s %7s %8s %10s %7s\n", "workload (ns)", "side", "median",
	       "least", "spread", "ratio", "instr.", "locked");
}

void print_side(const Row &row, const Side &side)
{
	const Side &first = *row.sides.front();

	printf("%-24s %-16s %12.1f %12.1f %6.0f%%", &side == &first ? row.name.c_str() : "",
	       side.name.c_str(), median(side), side.times.front(), spread(side) * 100);
	if (&side != &first && median(side) > 0)
		printf(" %8.*f", median(first) < median(side) / 100 ? 5 : 2,
		       median(first) / median(side));
	else
		printf(" %8s", "");
	if (side.counted_operations != 0)
		printf(" %10.1f %7.2f", per_operation(side, side.counted.instructions),
		       per_operation(side, side.counted.locked));
	else
		printf(" %10s %7s", "-", "-");
	for (const auto &note : side.notes)
		printf("  %s %.4g", note.first.c_str(), note.second);
	if (!row.base.empty() && medians.count(row.base + '/' + side.name) != 0)
		printf("  %.2f times one thread",
		       median(side) / medians[row.base + '/' + side.name]);
	putchar('\n');
}

void write_side(std::ofstream &json, std::ofstream &tsv, const Row &row, const Side &side)
{
	static bool some;

	tsv << row.name << '\t' << side.name << '\t' << median(side) << '\t' << side.times.front()
	    << '\t' << spread(side) << '\n';
	json << (some ? ",\n" : "") << "  {\"workload\": \"" << row.name << "\", \"side\": \""
	     << side.name << "\", \"median_ns\": " << median(side)
	     << ", \"least_ns\": " << side.times.front() << ", \"spread\": " << spread(side)
	     << ", \"slices\": " << side.times.size() << ", \"operations\": " << side.usual;
	if (side.counted_operations != 0)
		json << ", \"instructions\": " << per_operation(side, side.counted.instructions)
		     << ", \"locked\": " << per_operation(side, side.counted.locked);
	for (const auto &note : side.notes)
		json << ", \"" << note.first << "\": " << note.second;
	json << '}';
	some = true;
}

void run_row(Row &row)
{
	for (auto &side : row.sides)
		set_up(*side);
	for (auto &side : row.sides)
		calibrate(*side);
	take_turns(row);
	for (auto &side : row.sides) {
		std::sort(side->times.begin(), side->times.end());
		count(*side);
	}
	for (auto &side : row.sides)
		take_down(*side);
	for (auto &side : row.sides) {
		medians[row.name + '/' + side->name] = median(*side);
		print_side(row, *side);
	}
	fflush(stdout);
}

// --- Whether the machine was quiet ---------------------------------------------------------------

class Machine
{
      public:
	Machine() : begin(now())
	{
	}
	// Prints what makes ratios doubtful; returns whether anything does.
	bool is_busy(double typical_spread) const
	{
		const Used end = now();
		const double ticks = std::max(1.0, end.all - begin.all);
		const double stolen = (end.stolen - begin.stolen) / ticks;
		// Of a short run the two clocks may differ by more than what others use.
		const double others = std::max(
			0.0, (end.busy - begin.busy - (end.own - begin.own)) / ticks - stolen);
		const bool busy = stolen > 0.01 || others > 0.1 || typical_spread > 0.15;

		printf("\nthe machine: %.1f %% of its time stolen by its host, %.1f %% used by "
		       "other programs; spread of the middle row %.0f %%\n",
		       stolen * 100, others * 100, typical_spread * 100);
		if (busy)
			printf("warning: the machine is too busy: do not rely on these ratios\n");
		return busy;
	}

      private:
	struct Used {
		double all = 0, busy = 0, stolen = 0, own = 0; // ticks of all processors
	};
	static Used now()
	{
		std::ifstream stat("/proc/stat");
		std::string word;
		double value[8] = {};
		rusage usage;
		Used used;

		stat >> word;
		for (double &v : value)
			stat >> v;
		for (double v : value)
			used.all += v;
		used.busy = used.all - value[3] - value[4]; // idle, waiting for a disk
		used.stolen = value[7];
		getrusage(RUSAGE_SELF, &usage);
		used.own = (static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			    static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) *
				    1e-6) *
			   static_cast<double>(sysconf(_SC_CLK_TCK));
		return used;
	}
	Used begin;
};

void find_cpus()
{
	cpu_set_t set;

	check(sched_getaffinity(0, sizeof(set), &set) == 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus.push_back(cpu);
	stay_on(0);
}

void relax()
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#endif
}

// Nanoseconds of a processor that the calling thread takes for it.
template <class Work> double processor_time(const Work &work)
{
	auto now = [] {
		timespec time;

		check(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
		return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
	};
	const double begin = now();

	work();
	return now() - begin;
}

// Another thread: asleep between slices, so that the processor is free for the rest. Where threads
// share processors, one that waits leaves its own to the others.
class Companion
{
      public:
	Companion(unsigned int on, bool shares,
		  const std::function<void(unsigned int, uint64_t)> &what)
	    : processor(on), yields(shares), body(what), thread([this] { work(); })
	{
	}
	~Companion()
	{
		ask(0);
		thread.join();
	}
	void ask(uint64_t operations)
	{
		count = operations;
		begins = false;
		asked++;
		asked.notify_one();
	}
	void wait_until_ready()
	{
		while (!ready)
			pause();
		ready = false;
	}
	void begin()
	{
		begins = true;
	}
	// Nanoseconds of a processor that the operations took.
	double wait()
	{
		while (!done)
			pause();
		done = false;
		return used_ns;
	}

      private:
	void pause() const
	{
		if (yields)
			sched_yield();
		else
			relax();
	}
	void work()
	{
		uint32_t seen = 0;

		stay_on(processor);
		for (;;) {
			asked.wait(seen);
			seen++;
			if (count == 0)
				return;
			ready = true;
			while (!begins)
				pause();
			used_ns = processor_time([this] { body(processor, count); });
			done = true;
		}
	}

	const unsigned int processor;
	const bool yields;
	const std::function<void(unsigned int, uint64_t)> &body;
	std::atomic<uint32_t> asked{0};
	std::atomic<bool> ready{false}, begins{false}, done{false};
	std::atomic<uint64_t> count{0};
	double used_ns = 0; // written before done
	std::thread thread;
};

using Others = std::vector<std::unique_ptr<Companion>>;

// So many threads on two processors beside the calling one.
Others start_others(unsigned int count, bool share,
		    const std::function<void(unsigned int, uint64_t)> &body)
{
	Others others;

	for (unsigned int i = 1; i <= count; i++)
		others.push_back(std::make_unique<Companion>(i % 2, share, body));
	return others;
}

void begin_together(const Others &others, uint64_t operations)
{
	for (auto &other : others)
		other->ask(operations);
	for (auto &other : others)
		other->wait_until_ready();
	for (auto &other : others)
		other->begin();
}

} // namespace

bool quick()
{
	return options.quick;
}

void stay_on(unsigned int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpus[processor % cpus.size()], &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

void on_two_threads(State &state, const std::function<void(unsigned int, uint64_t)> &body)
{
	if (cpus.size() < 2)
		return;
	const Others others = start_others(1, false, body);

	while (const uint64_t operations = state.slice()) {
		begin_together(others, operations);
		const Clock::time_point start = Clock::now();
		body(0, operations);
		others[0]->wait();
		state.took(nanoseconds_since(start));
	}
}

void on_four_threads(State &state, const std::function<void(unsigned int, uint64_t)> &body)
{
	if (cpus.size() < 2)
		return;
	const Others others = start_others(3, true, body);

	state.at_least(quick() ? 20000 : 200000);
	while (const uint64_t operations = state.slice()) {
		begin_together(others, operations);
		double used = processor_time([&] { body(0, operations); });
		for (auto &other : others)
			used += other->wait();
		state.took(used / 4);
	}
}

} // namespace bench

namespace
{

[[noreturn]] void usage()
{
	fprintf(stderr,
		"usage: bench [--quick] [--filter RE] [--rows FILE] [--json FILE] [--list]\n");
	exit(2);
}

bool parse(int argc, char **argv)
{
	using bench::options;
	bool list = false;

	for (int i = 1; i < argc; i++) {
		const std::string argument = argv[i];

		if (argument == "--quick") {
			options.slices = 60;
			options.row_seconds = 0.1;
			options.fewest = 2;
			options.quick = true;
			options.counted = 16;
			options.count_seconds = 0.05;
		} else if (argument == "--list") {
			list = true;
		} else if (i + 1 == argc) {
			usage();
		} else if (argument == "--filter") {
			options.filter = std::regex(argv[++i]);
		} else if (argument == "--rows") {
			options.rows_file = argv[++i];
		} else if (argument == "--json") {
			options.json_file = argv[++i];
		} else {
			usage();
		}
	}
	return list;
}

} // namespace

int main(int argc, char **argv)
{
	using namespace bench;
	const bool list = parse(argc, argv);
	std::vector<double> spreads;

	find_cpus();
	add_pgtable_rows();
	add_arm_rows();
	add_iova_rows();
	add_dma_rows();
	add_tce_rows();
	add_ioas_rows();
	add_model_rows();
	std::ofstream json(options.json_file), tsv(options.rows_file);
	const Machine machine;
	if (!list)
		print_heading();
	json << "{\"rows\": [\n";
	for (Row &row : rows) {
		if (!std::regex_search(row.name, options.filter))
			continue;
		if (list) {
			puts(row.name.c_str());
			continue;
		}
		run_row(row);
		for (auto &side : row.sides) {
			spreads.push_back(spread(*side));
			write_side(json, tsv, row, *side);
			side.reset();
		}
		row.sides.clear();
	}
	if (list)
		return 0;
	if (spreads.empty()) {
		fprintf(stderr, "bench: no row matches\n");
		return 1;
	}
	std::sort(spreads.begin(), spreads.end());
	const bool busy = machine.is_busy(part_of(spreads, 0.5));
	json << "\n], \"busy\": " << (busy ? "true" : "false") << "}\n";
	return 0;
}
