// calls:
#include "../feature/feature.h"

#include <fenv.h>

// The rounding mode is a thread's own, and lasts over calls; so do the flags of what
// has happened.
static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
static volatile double one = 1, three = 3;

static void *compute(void *which)
{
	int mode = modes[(long)which];
	CHECK(fesetround(mode) == 0, "fesetround");
	feclearexcept(FE_ALL_EXCEPT);
	volatile double first = one / three, negative = -one / three;
	CHECK(fetestexcept(FE_INEXACT | FE_DIVBYZERO) == FE_INEXACT, "a third is exact");
	while (!over()) {
		CHECK(fegetround() == mode, "the mode is %#x, not %#x", fegetround(), mode);
		CHECK(one / three == first && -one / three == negative, "a third is now %a, and was %a", one / three, first);
		CHECK(fetestexcept(FE_INEXACT | FE_DIVBYZERO) == FE_INEXACT, "the flags are lost");
		usleep(5000);
	}
	double *result = malloc(sizeof *result);
	*result = first;
	return result;
}

FEATURE("rounding")
{
	pthread_t t[4];
	double *third[4];
	for (long i = 0; i < 4; i++)
		t[i] = thread(compute, (void *)i);
	ready();
	while (working())
		;
	for (int i = 0; i < 4; i++)
		ZERO(pthread_join(t[i], (void **)&third[i]));
	CHECK(*third[1] > *third[2] && *third[3] == *third[2], "thirds: %a up, %a down, %a to zero", *third[1], *third[2], *third[3]);
}
