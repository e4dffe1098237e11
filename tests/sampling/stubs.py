"""C functions for the tests, compiled by the system's compiler where there is one."""

import ctypes
import shutil
import subprocess

import pytest

DENSITY = r"""
#include <stddef.h>
/* A Gaussian of precisions 1, 4, 1/4, 1, ...; user data shift its mean. */
static double precision(size_t i) { return i % 3 == 0 ? 1.0 : i % 3 == 1 ? 4.0 : 0.25; }
int single(size_t d, const double *x, double *grad, double *logp, void *user) {
    double shift = user ? *(double *)user : 0.0, sum = 0.0;
    for (size_t i = 0; i < d; i++) {
        grad[i] = precision(i) * (shift - x[i]);
        sum += 0.5 * grad[i] * (x[i] - shift);
    }
    *logp = sum;
    return x[0] > 1e6 ? -1 : x[0] > 1e5 ? 7 : 0;
}
int batched(size_t n, size_t d, const double *X, double *G, double *logp, void *user) {
    for (size_t k = 0; k < n; k++)
        if (single(d, X + k * d, G + k * d, logp + k, user)) return -1;
    return 0;
}
"""

STAN = r"""
#include <stddef.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
/* The symbols of BridgeStan for a normal of precisions 1, 4, 1/4, whose first parameter is exp(y_0). */
int stub_alive = 0, stub_messages = 0;
typedef struct { unsigned seed; } model;
static char *say(const char *text) {
    __atomic_fetch_add(&stub_messages, 1, __ATOMIC_SEQ_CST);  /* threads call this at once */
    char *m = malloc(strlen(text) + 1); strcpy(m, text); return m;
}
void bs_free_error_msg(char *message) { __atomic_fetch_sub(&stub_messages, 1, __ATOMIC_SEQ_CST); free(message); }
model *bs_model_construct(const char *data, unsigned seed, char **error) {
    if (strstr(data, "bad")) { *error = say("the data are bad"); return NULL; }
    model *m = malloc(sizeof(model)); m->seed = seed; stub_alive++; return m;
}
void bs_model_destruct(model *m) { stub_alive--; free(m); }
const char *bs_model_info(const model *m) { return "Stan version: stub\n\tSTAN_THREADS=" THREADS "\n"; }
const char *bs_param_names(const model *m, bool tp, bool gq) { return "a,b,c"; }
int bs_param_num(const model *m, bool tp, bool gq) { return 3; }
int bs_param_unc_num(const model *m) { return 3; }
int bs_param_constrain(const model *m, bool tp, bool gq, const double *y, double *theta, void *rng, char **error) {
    if (y[0] > 100.0) { *error = say("too large"); return -1; }
    theta[0] = exp(y[0]); theta[1] = y[1]; theta[2] = y[2]; return 0;
}
int bs_log_density_gradient(const model *m, bool propto, bool jacobian, const double *x, double *value, double *grad,
                            char **error) {
    static const double precision[3] = {1.0, 4.0, 0.25};
    if (fabs(x[0]) > 1.5) { *error = say("outside of the domain"); return -1; }
    double sum = 0.0;
    for (int i = 0; i < 3; i++) { grad[i] = -precision[i] * x[i]; sum += 0.5 * grad[i] * x[i]; }
    *value = sum + (jacobian ? 0.0 : 10.0);
    return 0;
}
"""


def compiled(source, folder, name, *flags):
    """Return the path of a shared library, or skip."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("needs a C compiler (cc, gcc or clang) to build a stub")
    path = folder / f"{name}.so"
    code = folder / f"{name}.c"
    code.write_text(source, encoding="utf-8")
    command = [compiler, "-O2", "-ffp-contract=off", "-shared", "-fPIC", *flags, str(code), "-o", str(path), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the C compiler does not build shared libraries: {done.stderr.strip()[:200]}")
    return path


def load(path):
    """Return the library with its densities declared."""
    library = ctypes.CDLL(str(path))
    doubles = ctypes.POINTER(ctypes.c_double)
    library.single.argtypes = [ctypes.c_size_t, doubles, doubles, doubles, ctypes.c_void_p]
    library.batched.argtypes = [ctypes.c_size_t, *library.single.argtypes]
    return library
