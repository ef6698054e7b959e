// Command mkarchive writes a boot archive (see package archive).
//
//	mkarchive [-base ARCHIVE] -o OUT SPEC...
//
// A SPEC is one of
//
//	dir:PATH
//	file:PATH=SOURCE     mode 0755 if SOURCE is executable, else 0644
//	private:PATH=SOURCE  mode 0600
//	tree:PATH=SOURCE     the folder SOURCE with all that is in it
//	link:PATH=TARGET
//	applets:DIR=BUSYBOX  a link in DIR for every applet BUSYBOX lists, unless the
//	                     name is taken; BUSYBOX itself becomes DIR/busybox
//
// Parent directories are made as needed. With -base, OUT has the files of that
// archive too, and a SPEC may replace one.
package main
