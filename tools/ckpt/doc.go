// Command ckpt looks inside processes: into checkpoint files, and into running processes
// by a snapshot, which they do not notice. It needs the cluster's key for a file, and
// the cluster's network for a process. Everything it reads was checked before (packages
// checkpoint and image), but for the program that symbols come from: that is a file with
// the digest that the image names, whatever is in it.
package main
