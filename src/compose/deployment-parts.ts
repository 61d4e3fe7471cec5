/** What a deployment on a serverless host is made of: the same in the entry and in every object, since each may run anywhere. */

import type { KeyService } from "../accounts/keys.ts";
import type { Settings } from "../config/load.ts";
import type { HealthPart } from "../http/routes/health.ts";
import type { Catalogue } from "../providers/catalogue.ts";
import type { Store } from "../stores/store.ts";
import type { StepWorker, StepWorkerOptions } from "../tasks/engine/step-worker.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { Doorbell } from "../tasks/ports/doorbell.ts";
import type { Log } from "../tasks/ports/log.ts";
import type { MediaStore } from "../tasks/ports/media-store.ts";
import type { Publisher } from "../tasks/ports/publisher.ts";
import type { TaskService } from "../tasks/service.ts";
import type { PresentationContext } from "../tasks/wire.ts";

export type DeploymentParts = {
  readonly settings: Settings;
  readonly log: Log;
  readonly clock: Clock;
  readonly store: Store;
  readonly media: MediaStore;
  readonly catalogue: Catalogue;
  readonly publisher: Publisher;
  readonly doorbell: Doorbell;
  /** How this isolate's rings go. */
  readonly queueHealth: () => HealthPart;
  readonly tasks: TaskService;
  readonly keys: KeyService;
  readonly stepWorker: StepWorker;
  readonly stepWorkerOptions: StepWorkerOptions;
  readonly presentation: PresentationContext;
};
