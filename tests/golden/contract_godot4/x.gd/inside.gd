extends "../base.gd"
@rpc func inside(): pass
