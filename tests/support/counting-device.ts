/** What went through a counting device since it was made or last cleared. */
export interface DeviceCounts {
  submits: number;
  passes: number;
  dispatches: number;
  indirectDispatches: number;
  /** `mapAsync` for reading. */
  readbacks: number;
  /** Copies into buffers that can be mapped for reading, and their bytes. */
  readbackCopies: number;
  bytesRead: number;
  bytesWritten: number;
  buffers: number;
  bufferBytes: number;
  /** Bytes of the buffers not yet destroyed, and the most there were. */
  liveBytes: number;
  peakBytes: number;
  pipelines: number;
  bindGroups: number;
}

const ZERO: DeviceCounts = {
  submits: 0, passes: 0, dispatches: 0, indirectDispatches: 0, readbacks: 0, readbackCopies: 0, bytesRead: 0, bytesWritten: 0,
  buffers: 0, bufferBytes: 0, liveBytes: 0, peakBytes: 0, pipelines: 0, bindGroups: 0,
};

// The values of GPUBufferUsage.MAP_READ and GPUMapMode.READ, which Node has no globals for.
const MAP_READ = 1;
const MODE_READ = 1;

/**
 * A stand-in for `device` that behaves the same and counts. Device, queue, encoders and passes are proxies (nothing
 * takes them as arguments); buffers stay the device's own, with their `mapAsync` and `destroy` observed.
 */
export function countingDevice(device: GPUDevice): { readonly device: GPUDevice; readonly counts: DeviceCounts; clear(): void } {
  const counts = { ...ZERO };
  const usage = new WeakMap<GPUBuffer, GPUBufferUsageFlags>();

  const observeBuffer = (buffer: GPUBuffer, flags: GPUBufferUsageFlags): GPUBuffer => {
    usage.set(buffer, flags);
    counts.buffers++;
    counts.bufferBytes += buffer.size;
    counts.liveBytes += buffer.size;
    counts.peakBytes = Math.max(counts.peakBytes, counts.liveBytes);
    const { size } = buffer;
    const map = buffer.mapAsync.bind(buffer);
    const destroy = buffer.destroy.bind(buffer);
    let alive = true;
    Object.defineProperty(buffer, "mapAsync", {
      value: (mode: GPUMapModeFlags, offset?: number, length?: number) => {
        if ((mode & MODE_READ) !== 0) counts.readbacks++;
        return map(mode, offset, length);
      },
    });
    Object.defineProperty(buffer, "destroy", {
      value: () => {
        if (alive) counts.liveBytes -= size;
        alive = false;
        destroy();
      },
    });
    return buffer;
  };

  const countPass = (pass: GPUComputePassEncoder): GPUComputePassEncoder => {
    counts.passes++;
    return observed(pass, {
      dispatchWorkgroups: (x: number, y?: number, z?: number) => {
        counts.dispatches++;
        pass.dispatchWorkgroups(x, y, z);
      },
      dispatchWorkgroupsIndirect: (buffer: GPUBuffer, offset: number) => {
        counts.indirectDispatches++;
        pass.dispatchWorkgroupsIndirect(buffer, offset);
      },
    });
  };

  const countEncoder = (encoder: GPUCommandEncoder): GPUCommandEncoder =>
    observed(encoder, {
      beginComputePass: (descriptor?: GPUComputePassDescriptor) => countPass(encoder.beginComputePass(descriptor)),
      copyBufferToBuffer: (...args: Parameters<GPUCommandEncoder["copyBufferToBuffer"]>) => {
        // Either (source, destination, size?) or (source, sourceOffset, destination, destinationOffset, size?).
        const list: readonly unknown[] = args;
        const short = typeof list[1] === "object";
        const [source, target, size] = short ? [list[0], list[1], list[2]] : [list[0], list[2], list[4]];
        if (((usage.get(target as GPUBuffer) ?? 0) & MAP_READ) !== 0) {
          counts.readbackCopies++;
          counts.bytesRead += typeof size === "number" ? size : (source as GPUBuffer).size - (short ? 0 : Number(list[1]));
        }
        encoder.copyBufferToBuffer(...args);
      },
    });

  const queue = observed(device.queue, {
    submit: (buffers: Iterable<GPUCommandBuffer>) => {
      counts.submits++;
      device.queue.submit(buffers);
    },
    writeBuffer: (
      buffer: GPUBuffer, offset: number, data: GPUAllowSharedBufferSource, from?: number, size?: number,
    ) => {
      const unit = ArrayBuffer.isView(data) && "BYTES_PER_ELEMENT" in data ? Number(data.BYTES_PER_ELEMENT) : 1;
      counts.bytesWritten += size === undefined ? data.byteLength - (from ?? 0) * unit : size * unit;
      device.queue.writeBuffer(buffer, offset, data, from, size);
    },
  });

  const proxy = observed(device, {
    queue,
    createBuffer: (descriptor: GPUBufferDescriptor) => observeBuffer(device.createBuffer(descriptor), descriptor.usage),
    createCommandEncoder: (descriptor?: GPUCommandEncoderDescriptor) => countEncoder(device.createCommandEncoder(descriptor)),
    createComputePipeline: (descriptor: GPUComputePipelineDescriptor) => {
      counts.pipelines++;
      return device.createComputePipeline(descriptor);
    },
    createComputePipelineAsync: (descriptor: GPUComputePipelineDescriptor) => {
      counts.pipelines++;
      return device.createComputePipelineAsync(descriptor);
    },
    createBindGroup: (descriptor: GPUBindGroupDescriptor) => {
      counts.bindGroups++;
      return device.createBindGroup(descriptor);
    },
  });

  return {
    device: proxy,
    counts,
    clear: () => void Object.assign(counts, { ...ZERO, liveBytes: counts.liveBytes, peakBytes: counts.liveBytes }),
  };
}

/** `target` with some members replaced; methods run with the native object as `this`, which they insist on. */
function observed<T extends object>(target: T, replaced: { readonly [K in keyof T]?: unknown }): T {
  return new Proxy(target, {
    get(object, key): unknown {
      if (Object.hasOwn(replaced, key)) return Reflect.get(replaced, key);
      const value: unknown = Reflect.get(object, key, object);
      return typeof value === "function" ? value.bind(object) : value;
    },
    set: (object, key, value) => Reflect.set(object, key, value, object),
  });
}
