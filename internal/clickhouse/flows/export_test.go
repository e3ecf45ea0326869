package flows

// Collide lets every key have the same hash.
func (b *Block) Collide() { b.names.seeds = seeds{} }
