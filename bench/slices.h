// SPDX-License-Identifier: BSD-2-Clause
//
// The harness of the benchmarks. A row is one kind of work, done by several sides: this library,
// peers, a floor. All sides of a row are set up in one process, and then take turns in short slices
// of time, in random order: what else the machine does meets all of them alike. Of hundreds of
// slices the least, the median and the spread are reported.
//
// A workload is a function that sets up, works in a loop over the state, and takes down again:
//
//	void pair(bench::State &state)
//	{
//		Table table;
//
//		for (auto _ : state)
//			table.map_and_unmap();
//	}
//
// Each workload runs on a stack of its own, and the loop hands over to the other sides' between two
// slices: nothing of that is timed.
#ifndef BENCH_SLICES_H
#define BENCH_SLICES_H

#include <cstdint>
#include <functional>
#include <string>

namespace bench
{

struct Side;

class State
{
      public:
	explicit State(Side &of) : side(of)
	{
	}

	// The lower interface: how many operations the next slice has, 0 when there is none; and
	// what of them is timed. took: nanoseconds that were measured elsewhere.
	uint64_t slice();
	void start();
	void stop();
	void took(double nanoseconds);

	// An operation is so many of what is reported.
	void things(uint64_t count);
	// No slice has fewer operations: for work whose cost differs much from one to the next.
	void at_least(uint64_t operations);
	// A figure of the workload's own, in the table after the others.
	void note(const std::string &name, double value);

	struct End {
	};
	template <bool timed> class Operations
	{
	      public:
		explicit Operations(State &of) : state(of)
		{
		}
		Operations begin()
		{
			return *this;
		}
		End end()
		{
			return {};
		}
		bool operator!=(End)
		{
			if (left-- != 0)
				return true;
			left = timed ? state.timed_operations() : state.slice();
			return left-- != 0;
		}
		void operator++()
		{
		}
		// The loop's variable, which is of no use.
		struct Nothing {
			~Nothing()
			{
			}
		};
		Nothing operator*() const
		{
			return {};
		}

	      private:
		State &state;
		uint64_t left = 0;
	};
	// for (auto _ : state): all of each operation is timed.
	Operations<true> begin()
	{
		return Operations<true>(*this);
	}
	End end()
	{
		return {};
	}
	// for (auto _ : state.parts()): what lies between start and stop, or what took is told.
	Operations<false> parts()
	{
		return Operations<false>(*this);
	}

      private:
	uint64_t timed_operations();

	Side &side;
};

using Workload = std::function<void(State &)>;

// Adds a side to the row of that name. Sides: "ours", the peers, "floor", …; the rest is compared
// with the first.
void add(const std::string &row, const std::string &side, Workload workload);
// The row is compared with `base`, which does the same on one thread.
void compare_threads(const std::string &row, const std::string &base);

// Whether only a first look is wanted (--quick): what takes long to set up may be smaller.
bool quick();

// Keeps the calling thread on one of the processors that the process may use. The harness' own is
// on number 0; there may be only one.
void stay_on(unsigned int processor);

// Operations on two threads at once, each on a processor of its own: body(cpu, operations). The
// time is that until both are done; per operation of one thread.
void on_two_threads(State &state, const std::function<void(unsigned int, uint64_t)> &body);
// The same with two threads on each of the two processors, which take turns. What is reported is
// the time of a processor for an operation, not what a thread waits for its turn. A slice is long,
// because a processor changes threads some hundred times a second.
void on_four_threads(State &state, const std::function<void(unsigned int, uint64_t)> &body);

// The compiler can neither leave out what makes a value, nor move it.
template <class Value> inline void keep(const Value &value)
{
	asm volatile("" : : "r,m"(value) : "memory");
}

} // namespace bench

#endif
