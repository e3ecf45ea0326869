package geo

import (
	"syscall"
	"unsafe"
)

// Of madvise(2).
const (
	madvHugepage = 14
	madvCollapse = 25 // from Linux 6.1 on; an older kernel makes huge pages of it bit by bit
	hugePage     = 2 << 20
)

// inHugePages asks the kernel to keep a large slice in huge pages. A lookup touches a few cache lines at
// random in a hundred megabytes: in small pages each of them costs a walk of the page table, too. Where
// the kernel does not, nothing is lost but time.
func inHugePages[T any](s []T) {
	if len(s) == 0 {
		return
	}
	size := len(s) * int(unsafe.Sizeof(s[0]))
	begin := unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), size)
	skip := -int(uintptr(unsafe.Pointer(&s[0]))) & (hugePage - 1) // whole huge pages only: the rest is not ours
	if whole := (size - skip) &^ (hugePage - 1); whole > 0 {
		inside := begin[skip : skip+whole]
		if syscall.Madvise(inside, madvHugepage) == nil {
			_ = syscall.Madvise(inside, madvCollapse)
		}
	}
}
