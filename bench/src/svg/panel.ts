/** A rectangle of a drawing; what is drawn into it stays inside. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Draws itself into an area. */
export type Panel = (area: Area) => string;
