extends Abs1
@rpc func todo(): pass
