// Package record is what an experiment leaves behind: every single measurement with its
// parameters, and under what circumstances it was taken. A record is a JSON file; those
// who would rather have CSV can, with a row for each measurement.
package record
