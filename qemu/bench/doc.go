// Command bench measures the system's speed on real clusters, and holds it against
// the targets: what "make bench" prints.
//
//	bench [-run PATTERN] [-short] [-json] [-readme FILE] [-profile US]
//
// What is compared is measured in turns (A B A B …) by one run on one cluster, for
// the host is never as quiet as one would like; the load average is printed with
// the results. -short does everything once, to see that it works. -profile shows
// where the kernels were, sampled so often, which costs some speed.
package main
