select epoch, versions from fences where topic = $1 and partition_no = $2
