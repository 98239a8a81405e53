extends G2
@rpc func c3(): pass
