// What the vendored libraries put on the window.

interface Window {
  uPlot: any;
  htmx?: { ajax(method: string, address: string, context: object): Promise<void>; process(element: Element): void };
}
