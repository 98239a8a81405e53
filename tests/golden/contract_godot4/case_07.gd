extends Abs2
func todo2(): pass
