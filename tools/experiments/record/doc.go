// Package record is what an experiment leaves behind: every single measurement with its
// parameters, and under what circumstances it was taken. A record is a JSON file, and a
// CSV file with a row for each measurement for those who would rather have that.
package record
