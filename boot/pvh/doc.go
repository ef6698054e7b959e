// Package pvh turns the ELF file that the stock Go linker makes of the kernel
// into one that QEMU's -kernel option boots by the PVH protocol (Xen's
// docs/misc/pvh.pandoc; hvm_start_info in xen/include/public/arch-x86/hvm/start_info.h).
//
// The Go linker knows nothing of physical addresses, boot protocols or page
// tables. PostLink therefore edits the finished file in place:
//
//  1. every PT_LOAD gets p_paddr = p_vaddr - ImageBase;
//  2. all other program headers are dropped;
//  3. one PT_LOAD is appended at BootPhys, the boot segment: a PVH note, a
//     32-bit trampoline, the 256 trap stubs and ready-made page tables;
//  4. one PT_NOTE points at the PVH note, which names the trampoline.
//
// Because the page tables are made here, where the kernel's segments are known,
// no page of the kernel is ever writable and executable, not even while it boots:
// text is read-only in both places it is mapped (image and direct map).
//
// The package runs on the build host only.
package pvh
