// Command experiments measures what moving a process costs, as the papers did, and writes
// EXPERIMENTS.md about it.
//
//	experiments [-run NAME,...] [-short|-once] [-runs N] [-seed N] [-o DIR]
//	experiments -list
//	experiments -render [-o DIR]
//
// Each experiment is a file here with two functions: one measures, on a cluster of its
// own, and leaves a record (package record) with every single measurement; the other
// says in words, tables and figures what a record shows. So the document can be made anew
// without measuring (-render), and says nothing that is not in a record.
//
// Results go to tools/experiments/results, those of -short and -once to
// build/experiments, so that they do not replace complete ones; -o says otherwise. An
// experiment that is interrupted leaves no record.
package main
