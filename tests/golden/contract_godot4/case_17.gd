extends Net
@rpc func ab(): pass
