/* SPDX-License-Identifier: BSD-2-Clause */
#include <lk/kernel.h>
